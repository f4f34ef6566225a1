"""How the VAEs of a collection are related."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...lazy_dataclass import dataclass
from ..sketch import Sketch
from ..verdict import Relative
from .likeness import Likeness, compare
from .lineage import Vae, contradicted, fits_digits, is_derived, united
from .merge_words import merge_relative
from .merges import Merge, MergeSearch
from .neighbours import Neighbours
from .relations import EDITS, SIMILAR, STRANGERS, closeness, relative

MOST_RELATIVES = 5

Told = tuple[Relative, Merge]
"""A merge in words and in numbers."""


class Kinship:
    """Relatives and merges of VAEs that are no copies of each other, found when they are asked for.

    Args:
        vaes: by whose places everything here is numbered.
    """

    def __init__(self, vaes: Sequence[Vae]) -> None:
        self.vaes = tuple(vaes)
        self._search = MergeSearch([vae.sketch for vae in vaes])
        self._related: dict[int, dict[int, Relative]] = {}
        self._found: dict[int, Merge | None] = {}
        self._neighbours = Neighbours([vae.sketch for vae in vaes])
        self._alike: dict[tuple[int, int], Likeness] = {}

    def relatives(self, one: int) -> tuple[tuple[int, Relative], ...]:
        """The closest, without merges."""
        found = sorted(self._relatives(one).items(), key=lambda it: closeness(it[1]))
        return tuple(found[:MOST_RELATIVES])

    def merge(self, one: int) -> Told | None:
        """The merge that one is, or may be."""
        merge = self._decided(one)
        return (merge_relative(merge, [vae.name for vae in self.vaes]), merge) if merge else None

    def _decided(self, one: int) -> Merge | None:
        """Its merge, unless it is rather one of the parents that was made from the rest."""
        merge = self._merge(one)
        if merge is None:
            return None
        rivals = {parent: found for parent in merge.parents if (found := self._merge(parent)) and one in found.parents}
        mine, standing = (
            self._stands(one, merge, rivals),
            [self._stands(rival, found, (one, *(rivals.keys() - {rival}))) for rival, found in rivals.items()],
        )
        if mine:
            return replace(merge, certain=not any(standing))
        if self._may_be_their_origin(one, merge):
            return None
        return None if any(standing) else replace(merge, certain=False)

    def _stands(self, one: int, merge: Merge, rivals: Sequence[int] | dict[int, Merge]) -> bool:
        """Whether nothing speaks against this VAE being the one that was made. Of one without rivals the weights alone tell,
        and files that were copied in another order do not count."""
        child, parents = self.vaes[one], [self.vaes[parent] for parent in merge.parents]
        if not rivals and not self._may_be_their_origin(one, merge):
            return not contradicted(replace(child, modified_ns=None), parents)
        return not contradicted(child, parents) and fits_digits(
            child, [self.vaes[rival] for rival in rivals], merge.residual
        )

    def _may_be_their_origin(self, one: int, merge: Merge) -> bool:
        """Whether the parents may be edits of this one, which only the times of the files tell. Strangers are none."""
        alike = self._likeness(one, merge.parents)
        halves = (told for likeness in alike.values() for told in likeness.halves.values())
        return merge.takes_whole_blocks and all(told.distance < STRANGERS for told in halves)

    def _merge(self, one: int) -> Merge | None:
        """A merge by the weights alone. What is an edit of the same VAE is no parent."""
        if one not in self._found:
            edits = {other for other, told in self._relatives(one).items() if told.relation in EDITS}
            others = [other for other in range(len(self.vaes)) if other != one and other not in edits]
            self._found[one] = self._search.find(one, others)
        return self._found[one]

    def _relatives(self, one: int) -> dict[int, Relative]:
        if one not in self._related:
            vaes, alike = self.vaes, self._likeness(one, self._neighbours.close(one, MOST_RELATIVES, SIMILAR))
            told = {other: relative(vaes[one], vaes[other], likeness) for other, likeness in alike.items()}
            found = {other: it for other, it in told.items() if it}
            for other, derived in self._directions(one, found).items():
                told[other] = relative(vaes[one], vaes[other], alike[other], derived)
            self._related[one] = {other: it for other, it in told.items() if it}
        return self._related[one]

    def _likeness(self, one: int, others: Sequence[int]) -> dict[int, Likeness]:
        """To some others. What was compared from the other side already is not compared again."""
        new = [other for other in others if (one, other) not in self._alike]
        found = compare(self.vaes[one].sketch, [self.vaes[other].sketch for other in new])
        for other, likeness in zip(new, found, strict=True):
            self._alike[one, other], self._alike[other, one] = likeness, likeness.reversed()
        return {other: self._alike[one, other] for other in others}

    def _directions(self, one: int, found: Mapping[int, Relative]) -> dict[int, bool]:
        """Of the edits, which one was made from and which were made from it. Edits of the same VAE are none of each other."""
        vaes = self.vaes
        edits = [other for other, it in found.items() if it.relation in EDITS]
        derived = {other: is_derived(vaes[one], vaes[other]) for other in edits}
        origins = [other for other, known in derived.items() if known]
        if origins:
            first = [it for it in origins if all(is_derived(vaes[other], vaes[it]) for other in origins if other != it)]
            return dict.fromkeys(first, True)
        return {other: False for other, known in derived.items() if known is False}


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
    merges: dict[int, Told]


def relate(vaes: Sequence[Vae]) -> Relations:
    """Everything about a collection of VAEs: groups of copies, nearest relatives and merges.

    Args:
        vaes: copies are found out among them.
    """
    groups = group_copies([vae.sketch for vae in vaes])
    kinship = Kinship([united([vaes[place] for place in group]) for group in groups])
    first = [group[0] for group in groups]
    links = {
        first[number]: tuple((first[other], it) for other, it in kinship.relatives(number))
        for number in range(len(groups))
    }
    merges = {
        first[number]: (text, replace(merge, parents=tuple(first[parent] for parent in merge.parents)))
        for number in range(len(groups))
        if (told := kinship.merge(number)) and (text := told[0]) and (merge := told[1])
    }
    return Relations(tuple(groups), links, merges)


def group_copies(sketches: Sequence[Sketch]) -> list[tuple[int, ...]]:
    """Copies together, the most precise first.

    What was rounded may be a copy of several that are not copies of each other: two VAEs that differ by less than bf16 tells have
    the same copy in bf16. So all of a group are copies of its first, and each belongs to the first that it is nearest to.
    """
    order = sorted(range(len(sketches)), key=lambda place: -sketches[place].digits if not sketches[place].blank else 0)
    neighbours = Neighbours(sketches)
    groups: dict[int, list[int]] = {}
    for place in order:
        equal = set(neighbours.equal(place))
        firsts = [first for first in groups if first in equal]
        home = nearest_copy(compare(sketches[place], [sketches[first] for first in firsts]))
        groups.setdefault(place if home is None else firsts[home], []).append(place)
    return [tuple(group) for group in groups.values()]


def nearest_copy(alike: Sequence[Likeness]) -> int | None:
    """The place of the nearest of the copies, if there is any."""
    copies = [place for place, likeness in enumerate(alike) if likeness.copy]
    return min(copies, key=lambda place: alike[place].excess, default=None)
