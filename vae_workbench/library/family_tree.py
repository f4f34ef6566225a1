"""Which relations a map shows, and where it places whom.

Relations of a family of n are up to n² pairs. Shown is a spanning forest of the nearest ones; a merge hangs on its largest
parent, with further lines from the others, and its likeness to anybody else follows from theirs and is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..identity.relations import Relations

Link = tuple[int, int, str]
"""Two VAEs and how they are related."""


@dataclass(frozen=True)
class Edge:
    """A line of the map, from left to right.

    Attributes:
        parent: the left end, as its place in the collection.
        child: the right end.
        relation: ``merge``, ``same encoder``, ``same decoder`` or ``similar``.
        label: what to write at the line.
        rank: 0 for the line on which the child hangs, 1 and 2 for further parents of a merge.
    """

    parent: int
    child: int
    relation: str
    label: str
    rank: int = 0


@dataclass(frozen=True)
class Place:
    """Where a box stands. Rows may be fractions; two boxes of a column are at least one row apart."""

    column: int
    row: float


def family_trees(relations: Relations, without: Collection[int] = ()) -> tuple[Edge, ...]:
    """The lines to show. Each VAE hangs on at most one other; those of ``without`` are left out."""
    families = _Families()
    links = (link for link in _links(relations) if not {*link[:2]} & {*without})
    edges = _rooted([link for link in links if families.join(*link[:2])])
    hanging, further = [], []
    for child, (_, merge) in sorted(relations.merges.items()):
        if {child, *merge.parents} & {*without}:
            continue
        for rank, (parent, share) in enumerate(zip(merge.parents, merge.coefficients, strict=True)):
            part = "" if merge.blocks else f"{share:.2f}".replace("-", "−")
            if rank == 0 and families.join(parent, child):
                hanging.append(Edge(parent, child, "merge", f"merge {part}".strip()))
            else:  # merges of merges may go round in a circle; what would close it hangs nobody
                further.append(Edge(parent, child, "merge", part, max(rank, 1)))
    return (*edges, *hanging, *further)


def arrange(edges: Sequence[Edge]) -> dict[int, Place]:
    """A place for everybody at an end of an edge: related ones together, children to the right of their parents."""
    families = _Families()
    for edge in edges:
        families.join(edge.parent, edge.child)
    children: dict[int, list[int]] = {}
    for edge in edges:
        children.setdefault(edge.parent, [])
        children.setdefault(edge.child, [])
        if edge.rank == 0:
            children[edge.parent].append(edge.child)
    columns = _columns(edges)
    hanging = {child for below in children.values() for child in below}
    roots = [number for number in sorted(children) if number not in hanging]
    roots.sort(key=lambda root: (-len(families.of(root)), min(families.of(root)), root))
    rows: dict[int, float] = {}
    leaves = 0
    for number in _children_first(roots, children):
        below = [rows[child] for child in children[number]]
        rows[number] = sum(below) / len(below) if below else leaves
        leaves += not below
    return {number: Place(columns[number], row) for number, row in rows.items()}


def _links(relations: Relations) -> list[Link]:
    """Related pairs without merges: those with a half in common first, then the nearest."""
    pairs = {
        (min(one, other), max(one, other)): (it.relation == "similar", it.distance, it.relation)
        for one, links in relations.links.items()
        for other, it in links
        if one not in relations.merges and other not in relations.merges
    }
    return [(*pair, relation) for pair, (*_, relation) in sorted(pairs.items(), key=lambda item: (item[1], item[0]))]


def _columns(edges: Sequence[Edge]) -> dict[int, int]:
    """For everybody, one more than the rightmost of those that have an edge to it; in a circle, of those it hangs on."""
    count = 2 * len(edges)
    for shown in (edges, [edge for edge in edges if edge.rank == 0]):
        columns = {end: 0 for edge in edges for end in (edge.parent, edge.child)}
        for _ in range(count):
            before = dict(columns)
            for edge in shown:
                columns[edge.child] = max(columns[edge.child], columns[edge.parent] + 1)
            if columns == before:
                return columns
    raise AssertionError("a forest has no circles")


def _children_first(roots: Iterable[int], children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    for root in roots:
        yield from _children_first(children[root], children)
        yield root


def _rooted(links: Sequence[Link]) -> list[Edge]:
    """The links of trees, all pointing away from the middle of their tree."""
    joined: dict[int, list[tuple[int, str]]] = {}
    for one, other, relation in links:
        joined.setdefault(one, []).append((other, relation))
        joined.setdefault(other, []).append((one, relation))
    edges: list[Edge] = []
    seen: set[int] = set()
    for number in sorted(joined):
        if number in seen:
            continue
        tree = [number, *(edge.child for edge in _walk(number, joined))]
        seen.update(tree)
        edges += _walk(min(tree, key=lambda root: (_depth(_walk(root, joined)), -len(joined[root]), root)), joined)
    return edges


def _walk(root: int, joined: Mapping[int, Sequence[tuple[int, str]]]) -> list[Edge]:
    """The edges of a tree from its root on, each after the one that leads to it."""
    edges: list[Edge] = []
    ends = [(root, root)]
    for number, came_from in ends:
        for other, relation in joined[number]:
            if other != came_from:
                edges.append(Edge(number, other, relation, relation))
                ends.append((other, number))
    return edges


def _depth(edges: Sequence[Edge]) -> int:
    depths: dict[int, int] = {}
    for edge in edges:
        depths[edge.child] = depths.get(edge.parent, 0) + 1
    return max(depths.values(), default=0)


class _Families:
    """Sets of VAEs that grow together as pairs are joined."""

    def __init__(self) -> None:
        self._family: dict[int, list[int]] = {}

    def of(self, number: int) -> list[int]:
        """All members of the family of one."""
        return self._family.setdefault(number, [number])

    def join(self, one: int, other: int) -> bool:
        """Makes the two families one; false if they are already."""
        joined, gone = self.of(one), self.of(other)
        if joined is gone:
            return False
        joined += gone
        self._family.update((number, joined) for number in gone)
        return True
