"""Names by which files can be told apart in every list, and by which they are found again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from ..printable import printable

T = TypeVar("T")


def distinct_names(paths: Sequence[str]) -> list[str]:
    """A name for each path: the file's own, with as many of its folders in front as it takes to be the only one.

    ``a/vae.safetensors`` and ``b/vae.safetensors`` where two files are called ``vae.safetensors``. Names that differ only in
    upper and lower case count as the same. They are :func:`..printable.printable`; where two paths differ only in what
    cannot be shown, the later ones are numbered.

    Args:
        paths: absolute ones, each once.
    """
    shown = [printable(path.replace(os.sep, "/")) for path in paths]
    parts = [tuple(path.split("/")) for path in shown]
    depths = [1] * len(paths)
    names = [_name(own, 1) for own in parts]
    while clashes := _clashes(names):
        grown = False
        for place in clashes:
            if depths[place] < len(parts[place]):
                depths[place] += 1
                names[place] = _name(parts[place], depths[place])
                grown = True
        if not grown:  # whole paths that differ in case only, or in what cannot be shown
            break
    return names if len(set(names)) == len(names) else _numbered(names, paths)


def _name(parts: tuple[str, ...], depth: int) -> str:
    return "/".join(parts[-depth:])


def _clashes(names: Sequence[str]) -> list[int]:
    lowered = [name.lower() for name in names]
    counts = Counter(lowered)
    return [place for place, name in enumerate(lowered) if counts[name] > 1]


def _numbered(names: list[str], paths: Sequence[str]) -> list[str]:
    """The same names, equal ones numbered in the order of their paths, so that each keeps its name from scan to scan."""
    taken, numbered = set(names), dict[str, int]()
    for place in sorted(range(len(names)), key=lambda place: paths[place]):
        name, number = names[place], 1
        while name in numbered:
            number += 1
            wanted = f"{names[place]} ({number})"
            name = name if wanted in taken else wanted
        numbered[name] = place
    return [name for name, _ in sorted(numbered.items(), key=lambda pair: pair[1])]


class NameIndex(Generic[T]):
    """Things by their names, found as people, settings and old pictures call them.

    Args:
        named: pairs of a name, printable or not, and what it stands for; a thing may have several names.
    """

    def __init__(self, named: Iterable[tuple[str, T]]) -> None:
        self._tiers: tuple[dict[str, list[T]], ...] = tuple({} for _ in range(TIERS))
        for name, thing in named:
            for tier, keys in zip(self._tiers, _keys(name), strict=True):
                for key in keys:
                    things = tier.setdefault(key, [])
                    if thing not in things:
                        things.append(thing)

    def find(self, name: str) -> tuple[T, ...]:
        """What is meant by a name: the one thing that is called exactly so, else so when shown, else so without its
        extension, else so but for upper and lower case. Several if that is not clear, none if there is none."""
        shown = printable(name)
        for tier, asked in zip(self._tiers, (name, shown, shown, shown.casefold(), shown.casefold()), strict=True):
            if found := tier.get(asked):
                return tuple(found)
        return ()


TIERS = 5


def _keys(name: str) -> tuple[Iterable[str], ...]:
    """By what a name is found in each tier."""
    shown = printable(name)
    stems = _stems(shown)
    return (name,), (shown,), stems, (shown.casefold(),), {stem.casefold() for stem in stems}


def _stems(name: str) -> set[str]:
    """A name without its extension; ``.vae.pt`` is one, too."""
    stem = os.path.splitext(name)[0]  # noqa: PTH122  # the name of a list, no path
    return {stem, stem.removesuffix(".vae")}
