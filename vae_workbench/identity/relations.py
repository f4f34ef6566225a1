"""How VAEs are related: copies, finetunes of one half, merges, and the merely similar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .likeness import Likeness, compare
from .merges import Merge, MergeSearch
from .sketch import Sketch
from .verdict import Relative

SIMILAR = 0.7
"""Distances below are worth telling. VAEs that were trained apart are about 1.4 apart; half of the weights in common are 1."""

STRANGERS = 1.2
"""Distances above mean nothing: weights of another scale can be thousands apart."""

MOST_RELATIVES = 5

HALF_RELATIONS = {"encoder": "same encoder", "decoder": "same decoder"}


def relative(name: str, likeness: Likeness) -> Relative | None:
    """How one VAE is related to the other of this name; ``None`` for strangers."""
    distance = likeness.distance
    rung = likeness.rung
    if rung:
        text = f"It has the weights of {name}" + (f", up to rounding ({rung.name})." if rung.relative else ", exactly.")
        return Relative(name, rung.name, distance, text)
    for half, relation in HALF_RELATIONS.items():
        if likeness.rungs.get(half):
            other = next((other for other in likeness.rungs if other != half), None)
            rest = f"; {_apart(other, likeness.distances[other])}" if other else ""
            return Relative(name, relation, distance, f"It has the {half} of {name}{rest}.")
    if distance < SIMILAR:
        return Relative(name, "similar", distance, f"It resembles {name}, at a distance of {distance:.2g}.")
    return None


def _apart(half: str, distance: float) -> str:
    return f"the {half}s are {distance:.2g} apart" if distance < STRANGERS else f"the {half}s have nothing in common"


def merge_relative(merge: Merge, names: Sequence[str]) -> Relative:
    """A merge in words.

    Args:
        names: those of the candidates.
    """
    parents = [names[parent] for parent in merge.parents]
    terms = [
        f"{'−' if part < 0 else '+'} {abs(part):.2f} × {name}"
        for part, name in zip(merge.coefficients, parents, strict=True)
    ]
    total = " ".join(terms).removeprefix("+ ")
    if merge.blocks:
        total = _halves(merge, parents) or f"{total} on average, with other proportions in each block"
    relation = "block-weighted merge" if merge.blocks else "merge"
    text = f"It is a merge: {total} (residual {merge.residual:.1e})."
    return Relative(" + ".join(parents), relation, merge.residual, text)


def _halves(merge: Merge, parents: Sequence[str]) -> str:
    """``encoder of A, decoder of B`` if that is all there is to it, or with proportions; otherwise nothing."""
    told = []
    for half in ("encoder", "decoder"):
        shares = [share for block, (share, _) in merge.blocks.items() if block.startswith(half + ".")]
        if not shares:
            return ""
        low, high = min(shares), max(shares)
        if high - low > 0.04:
            return ""
        share = (low + high) / 2
        parts = [f"{part:.2f} × {name}" for part, name in ((share, parents[0]), (1 - share, parents[1])) if part > 0.02]
        told.append(f"{half} {parts[0].removeprefix('1.00 × ')}" if len(parts) == 1 else f"{half} {' + '.join(parts)}")
    return ", ".join(told)


@dataclass(frozen=True)
class Relations:
    """How the VAEs of a collection are related. All numbers are places in the collection.

    Attributes:
        groups: every VAE once, with its copies; the most precise first.
        links: for the first of a group, its nearest relatives among the first of the others: place, relative.
        merges: for the first of a group, the merge that it is, if it is one: its text and its parents.
    """

    groups: tuple[tuple[int, ...], ...]
    links: dict[int, tuple[tuple[int, Relative], ...]]
    merges: dict[int, tuple[Relative, Merge]]


def relate(names: Sequence[str], sketches: Sequence[Sketch]) -> Relations:
    """Everything about a collection of VAEs: groups of copies, nearest relatives and merges.

    Args:
        names: what they are called in sentences.
        sketches: their sketches, in the same order.
    """
    groups = _groups(sketches)
    firsts = [group[0] for group in groups]
    search = MergeSearch(sketches)
    links: dict[int, tuple[tuple[int, Relative], ...]] = {}
    merges: dict[int, tuple[Relative, Merge]] = {}
    for first in firsts:
        others = [other for other in firsts if other != first]
        alike = compare(sketches[first], [sketches[other] for other in others])
        told = [(other, relative(names[other], likeness)) for other, likeness in zip(others, alike, strict=True)]
        related = sorted(((other, it) for other, it in told if it), key=lambda link: link[1].distance)
        links[first] = tuple(related[:MOST_RELATIVES])
        merge = search.find(first, others)
        if merge:
            merges[first] = (merge_relative(merge, names), merge)
    return Relations(tuple(groups), links, merges)


def _groups(sketches: Sequence[Sketch]) -> list[tuple[int, ...]]:
    """Copies together, the most precise first. A half belongs to the first whole that has it."""
    order = sorted(range(len(sketches)), key=lambda place: (-len(sketches[place].halves), -sketches[place].precision))
    groups: list[list[int]] = []
    for place in order:
        alike = compare(sketches[place], [sketches[group[0]] for group in groups])
        home = next((group for group, likeness in zip(groups, alike, strict=True) if likeness.rung), None)
        if home is None:
            groups.append([place])
        else:
            home.append(place)
    return [tuple(group) for group in groups]
