"""What is known of VAEs by their weights: the collection that teaches names and latent spaces.

A file whose sha256 is known, a checkpoint of a known family and a name given by the user each teach their sketch, so that
renamed, converted and baked copies are known too. The user's own checkpoints are the best collection there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...lazy_dataclass import dataclass
from ..sketch import Sketch
from ..verdict import Relative
from .kinship import Kinship, Told, group_copies, nearest_copy
from .likeness import Likeness, compare
from .lineage import Vae, is_published


@dataclass(frozen=True, eq=False)
class Reference:
    """A VAE that others are compared with.

    Attributes:
        name: what it is called in sentences: the path of its file, as it was given.
        sketch: its weights.
        latent_space: if that is certain, otherwise ``None``.
        known_as: its published name, or the one that the user gave it.
        source: how latent space and name are known, to be read after its name and "because".
        modified_ns: the time of change of its file in nanoseconds since 1970, if that is known.
    """

    name: str
    sketch: Sketch
    latent_space: str | None = None
    known_as: str | None = None
    source: str = ""
    modified_ns: int | None = None


@dataclass(frozen=True)
class Match:
    """A reference and how alike it is."""

    reference: Reference
    likeness: Likeness


@dataclass(frozen=True)
class Kin:
    """The VAEs that are related to one.

    Attributes:
        copies: the same VAE, most precise first.
        relatives: the nearest others.
        merge: the merge that it is or may be: in words and in numbers.
        parents: of this merge, all files of each.
    """

    copies: tuple[Reference, ...] = ()
    relatives: tuple[Relative, ...] = ()
    merge: Told | None = None
    parents: tuple[tuple[Reference, ...], ...] = ()


Group = tuple[Reference, ...]


class References:
    """References by name; a later one of the same name replaces the earlier.

    Not to be changed while another thread uses it: fill one, then share it.
    """

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self._by_name: dict[str, Reference] = {}
        self._forget()
        for reference in references:
            self.add(reference)

    def add(self, reference: Reference) -> None:
        """Adds one. Sketches that tell nothing (all zero, or damaged) are left out."""
        self.remove(reference.name)
        if not reference.sketch.blank:
            self._by_name[reference.name] = reference

    def remove(self, name: str) -> None:
        """Forgets the reference of this name, if there is one."""
        self._by_name.pop(name, None)
        self._forget()

    def _forget(self) -> None:
        """Forgets what was found among the references as they were."""
        self._matches: dict[str, list[Match]] = {}  # by the id of the sketch
        self._groups: list[Group] | None = None
        self._place: dict[str, int] = {}  # of a group by the id of a sketch
        self._kinship: Kinship | None = None

    def entitle(self, name: str, known_as: str) -> None:
        """Gives the reference of this name, and so all its copies, a name for people.

        Raises:
            KeyError: there is no such reference.
        """
        reference = self._by_name[name]
        source = f"{reference.source}, and you named it" if reference.source else "you named it"
        self._by_name[name] = replace(reference, known_as=known_as, source=source)
        self._forget()

    def get(self, name: str) -> Reference | None:
        """The reference of this name, if there is one."""
        return self._by_name.get(name)

    def __iter__(self) -> Iterator[Reference]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def matches(self, sketch: Sketch, *, but: str = "") -> list[Match]:
        """All references that have the tensors of at least one half in common, the most alike first.

        Args:
            sketch: whose relatives are sought.
            but: the name of a reference to leave out, because it is the file itself.
        """
        if sketch.id not in self._matches:  # many files hold the same few VAEs
            self._matches[sketch.id] = self._compared(sketch)
        return [match for match in self._matches[sketch.id] if match.reference.name != but]

    def kin(self, sketch: Sketch, own: Reference | None, but: str = "") -> Kin:
        """Copies, relatives and merge of a VAE.

        Args:
            sketch: its weights.
            own: what its file teaches; the time of the file is taken from here if it is no reference.
            but: the name of the file's own reference, which is not told of as a copy.
        """
        if sketch.blank:
            return Kin()
        groups = self._grouped()
        home = self._home(sketch)
        copies = tuple(it for it in (groups[home] if home is not None else ()) if it.name != but)
        if home is not None:
            kinship, place = self._among_references(), home
        else:
            alone = Reference(but, sketch) if own is None else own
            groups = [*(group for group in groups if any(it.name != but for it in group)), (alone,)]
            kinship, place = Kinship([_vae(group) for group in groups]), len(groups) - 1
        merge = kinship.merge(place)
        parents = tuple(groups[parent] for parent in merge[1].parents) if merge else ()
        return Kin(copies, tuple(it for _, it in kinship.relatives(place)), merge, parents)

    def _home(self, sketch: Sketch) -> int | None:
        """The group that a VAE belongs to."""
        groups = self._grouped()
        if sketch.id in self._place:
            return self._place[sketch.id]
        return nearest_copy(compare(sketch, [group[0].sketch for group in groups]))

    def _grouped(self) -> list[Group]:
        if self._groups is None:
            same: dict[str, list[Reference]] = {}  # many files hold the same few VAEs
            for reference in self:
                same.setdefault(reference.sketch.id, []).append(reference)
            distinct = list(same.values())
            groups = group_copies([references[0].sketch for references in distinct])
            found = [tuple(it for place in group for it in distinct[place]) for group in groups]
            self._place = {it.sketch.id: place for place, group in enumerate(found) for it in group}
            self._groups = found
        return self._groups

    def _among_references(self) -> Kinship:
        if self._kinship is None:
            self._kinship = Kinship([_vae(group) for group in self._grouped()])
        return self._kinship

    def _compared(self, sketch: Sketch) -> list[Match]:
        distinct = {reference.sketch.id: reference.sketch for reference in self}
        alike = dict(zip(distinct, compare(sketch, list(distinct.values())), strict=True))
        found = [Match(reference, alike[reference.sketch.id]) for reference in self]
        return sorted((match for match in found if match.likeness.halves), key=_order)


def _order(match: Match) -> tuple[bool, float]:
    return match.likeness.copy is None, match.likeness.distance


def _vae(group: Group) -> Vae:
    """Copies as one VAE, by the name that people know, or that of the most precise."""
    known = next((it.known_as for it in group if is_published(it.known_as)), None)
    titled = known or next((it.known_as for it in group if it.known_as), None)
    times = [it.modified_ns for it in group if it.modified_ns is not None]
    return Vae(titled or group[0].name, group[0].sketch, known is not None, min(times, default=None))
