"""What is known of VAEs by their weights: the collection that teaches names and latent spaces.

A file whose sha256 is known, a checkpoint of a known family and a name given by the user each teach their sketch, so that
renamed, converted, halved and baked copies are known too. The user's own checkpoints are the best collection there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .likeness import Likeness, compare
from .sketch import Sketch


@dataclass(frozen=True, eq=False)
class Reference:
    """A VAE that others are compared with.

    Attributes:
        name: what it is called in sentences: the path of its file, as it was given.
        sketch: its weights.
        latent_space: if that is certain, otherwise ``None``.
        known_as: its published name, or the one that the user gave it.
        source: how latent space and name are known, to be read after its name and "because".
    """

    name: str
    sketch: Sketch
    latent_space: str | None = None
    known_as: str | None = None
    source: str = ""

    def to_plain(self) -> dict[str, str | bytes | None]:
        """Plain values for a database."""
        return {
            "name": self.name,
            "sketch": self.sketch.to_bytes(),
            "latent_space": self.latent_space,
            "known_as": self.known_as,
            "source": self.source,
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, str | bytes | None]) -> Reference:
        """What :meth:`to_plain` gave.

        Raises:
            ValueError: the sketch is none.
        """
        sketch, space, known_as = values["sketch"], values["latent_space"], values["known_as"]
        if not isinstance(sketch, bytes):
            raise ValueError("this is not a sketch")
        return cls(
            str(values["name"]),
            Sketch.from_bytes(sketch),
            None if space is None else str(space),
            None if known_as is None else str(known_as),
            str(values["source"]),
        )


@dataclass(frozen=True)
class Match:
    """A reference and how alike it is."""

    reference: Reference
    likeness: Likeness


class References:
    """References by name; a later one of the same name replaces the earlier.

    Not to be changed while another thread uses it: fill one, then share it.
    """

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self._by_name: dict[str, Reference] = {}
        self._matches: dict[str, list[Match]] = {}  # by the id of the sketch
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
        self._matches.clear()

    def entitle(self, name: str, known_as: str) -> None:
        """Gives the reference of this name, and so all its copies, a name for people.

        Raises:
            KeyError: there is no such reference.
        """
        reference = self._by_name[name]
        source = f"{reference.source}, and you named it" if reference.source else "you named it"
        self._by_name[name] = replace(reference, known_as=known_as, source=source)
        self._matches.clear()

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

    def _compared(self, sketch: Sketch) -> list[Match]:
        distinct = {reference.sketch.id: reference.sketch for reference in self}
        alike = dict(zip(distinct, compare(sketch, list(distinct.values())), strict=True))
        found = [Match(reference, alike[reference.sketch.id]) for reference in self]
        return sorted((match for match in found if match.likeness.rungs), key=_order)


def _order(match: Match) -> tuple[bool, float]:
    return match.likeness.rung is None, match.likeness.distance
