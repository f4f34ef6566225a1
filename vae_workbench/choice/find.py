"""Finding a VAE again by what a person, a setting or an old preference calls it."""

from __future__ import annotations

from ..library.collection import Collection, is_vae
from ..library.entry import Entry
from .fit import vae_traits


def find_vaes(library: Collection, name: str, sketch_id: str | None = None) -> tuple[Entry, ...]:
    """The files that may be meant, one if it is clear which; none if there is none.

    Equal weights count most, so that a renamed file is found and another one under its old name is not taken for it. Then
    the name counts: that of the library's lists, that of the file alone, as the web UI has it, with or without extension, in
    upper or lower case; the exact one first. If there is no such file any more, a checkpoint holds the same weights.
    """
    called = library.called(name)
    named = tuple(entry for entry in called if is_vae(entry)) or called
    if sketch_id is None:
        return named
    for group in (named, library.vaes, () if named else library.checkpoints):
        same = [entry for entry in group if (vae := vae_traits(entry)) and vae.sketch_id == sketch_id]
        if same:
            return (min(same, key=lambda entry: entry.path),)
    return named


def find_checkpoints(library: Collection, name: str) -> tuple[Entry, ...]:
    """The checkpoints that may be meant by a name, by the same rules; several if that is not clear."""
    return tuple(entry for entry in library.called(name) if entry.verdict.kind == "checkpoint")
