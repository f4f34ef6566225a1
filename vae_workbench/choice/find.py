"""Finding a VAE again by what a person, a setting or an old preference calls it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..library.collection import Collection
from ..library.entry import Entry
from .fit import held_vae


def find_vaes(library: Collection, name: str, sketch_id: str | None = None) -> tuple[Entry, ...]:
    """The files that may be meant, one if it is clear which; none if there is none.

    Equal weights count most, so that a renamed file is found and another one under its old name is not taken for it. Then
    the name in the library's lists counts, then that of the file alone, as the web UI has it; and if there is no such file
    any more, a checkpoint that holds the same weights.
    """
    listed = library.by_name(name)
    named = (listed,) if listed else _called(library.vaes, name) or _called(library.entries, name)
    if sketch_id is None:
        return named
    for group in (named, library.vaes, () if named else library.checkpoints):
        same = [entry for entry in group if (vae := held_vae(entry)) and vae.sketch_id == sketch_id]
        if same:
            return (min(same, key=lambda entry: entry.path),)
    return named


def _called(entries: Sequence[Entry], name: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if os.path.basename(entry.path) == name)  # noqa: PTH119  # many, and quick
