"""Which relations a map shows, and where it places whom.

Relations of a family of n are up to n² pairs. Shown is a spanning forest of the nearest ones; a merge hangs on its largest
parent, with further lines from the others, and its likeness to anybody else follows from theirs and is not shown. Where it is
known who was made from whom, the line goes from the origin to what was made of it, and has a tip; never the other way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ..identity.relatives.kinship import Relations
from ..identity.relatives.relations import closeness
from ..identity.verdict import Relative
from ..lazy_dataclass import dataclass


@dataclass(frozen=True)
class Link:
    """Two VAEs and how they are related.

    Attributes:
        origin: of which the other was made, if that is known.
    """

    one: int
    other: int
    relation: str
    origin: int | None = None


LABELS = {
    "encoder of": "encoder", "its encoder": "encoder",
    "decoder of": "decoder", "its decoder": "decoder",
}  # fmt: skip
"""What is written at a line, where that is not the relation."""


@dataclass(frozen=True)
class Edge:
    """A line of the map, from left to right.

    Attributes:
        parent: the left end, as its place in the collection.
        child: the right end.
        relation: see :class:`..identity.verdict.Relative`.
        label: what to write at the line.
        rank: 0 for the line on which the child hangs, 1 and 2 for further parents.
        directed: whether it is known that the child was made from the parent.
    """

    parent: int
    child: int
    relation: str
    label: str
    rank: int = 0
    directed: bool = False


@dataclass(frozen=True)
class Place:
    """Where a box stands. Rows may be fractions; two boxes of a column are at least one row apart."""

    column: int
    row: float


def family_trees(relations: Relations, without: Collection[int] = ()) -> tuple[Edge, ...]:
    """The lines to show. Each VAE hangs on at most one other; those of ``without`` are left out."""
    families = _Families()
    links = (link for link in _links(relations) if not {link.one, link.other} & {*without})
    edges = _rooted([link for link in links if families.join(link.one, link.other)])
    hanging, further = [], []
    for child, (told, merge) in sorted(relations.merges.items()):
        if {child, *merge.parents} & {*without}:
            continue
        word = "merge" if merge.certain else "merge?"
        for rank, (parent, share) in enumerate(zip(merge.parents, merge.coefficients, strict=True)):
            part = "" if merge.blocks else f"{share:.2f}".replace("-", "−")
            if rank == 0 and families.join(parent, child):
                hanging.append(Edge(parent, child, told.relation, f"{word} {part}".strip(), directed=merge.certain))
            else:  # possible merges may go round in a circle; what would close it hangs nobody
                further.append(Edge(parent, child, told.relation, part, max(rank, 1), directed=merge.certain))
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
    """Related pairs without merges, the closest first; of edits, those whose direction is known. Equally close to several,
    one hangs on that which was not made of another itself."""
    made = {number for one, links in relations.links.items() for number in _made(one, links)}
    pairs: dict[tuple[int, int], tuple[tuple[int, bool, float, bool], Link]] = {}
    for one, links in sorted(relations.links.items()):
        for other, told in links:
            if told.derived is None and not {one, other}.isdisjoint(relations.merges):
                continue
            link = Link(min(one, other), max(one, other), told.relation, _origin(one, other, told))
            rank, distance = closeness(told)
            order = (rank, link.origin is None, distance, link.origin in made)
            pairs.setdefault((link.one, link.other), (order, link))
    return [link for _, (_, link) in sorted(pairs.items(), key=lambda item: (item[1][0], item[0]))]


def _made(one: int, links: Iterable[tuple[int, Relative]]) -> Iterator[int]:
    """Which ends of these links were made from their other ends."""
    for other, told in links:
        if told.derived is not None:
            yield one if told.derived else other


def _origin(one: int, other: int, told: Relative) -> int | None:
    return None if told.derived is None else other if told.derived else one


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
    """The links of trees. Those without a known direction point away from the root: an origin in the middle of its tree."""
    joined: dict[int, list[Link]] = {}
    for link in links:
        joined.setdefault(link.one, []).append(link)
        joined.setdefault(link.other, []).append(link)
    edges: list[Edge] = []
    seen: set[int] = set()
    for number in sorted(joined):
        if number in seen:
            continue
        tree = {number, *(end for edge in _walk(number, joined) for end in (edge.parent, edge.child))}
        seen |= tree
        walks = {root: _walk(root, joined) for root in tree}
        edges += walks[
            min(tree, key=lambda root: (_backward(walks[root]), _depth(walks[root]), -len(joined[root]), root))
        ]
    return edges


def _walk(root: int, joined: Mapping[int, Sequence[Link]]) -> list[Edge]:
    """The edges of a tree in the order in which they are reached from its root. Where the way goes from what was made to its
    origin, the edge goes the other way, and nothing hangs on it."""
    edges: list[Edge] = []
    ends = [(root, root)]
    for number, came_from in ends:
        for link in joined[number]:
            other = link.other if link.one == number else link.one
            if other == came_from:
                continue
            backward = link.origin == other
            parent, child = (other, number) if backward else (number, other)
            label = LABELS.get(link.relation, link.relation)
            edges.append(Edge(parent, child, link.relation, label, int(backward), link.origin is not None))
            ends.append((other, number))
    return edges


def _backward(edges: Sequence[Edge]) -> int:
    return sum(edge.rank for edge in edges)


def _depth(edges: Sequence[Edge]) -> int:
    depths: dict[int, int] = {}
    for edge in edges:
        if edge.rank == 0:
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
