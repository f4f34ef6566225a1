"""Overrides and the web UI's own metadata, kept alike, so that either may be changed and both survive the other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import WorkbenchError
from ..library.collection import Collection
from ..library.entry import Entry
from .find import find_vaes
from .fit import held_vae
from .preference_store import PreferenceStore
from .preferences import OWN, Preferences, PreferredVae
from .user_metadata import AUTOMATIC, metadata_path, read_vae, write_vae


def mirror(store: PreferenceStore, checkpoints: Iterable[Entry], library: Collection) -> tuple[str, ...]:
    """Brings the overrides of these checkpoints and the web UI's metadata files into line, and returns what went wrong.

    A file that names another VAE than when it was last looked at was changed by the person, in the web UI: the overrides
    follow it. Otherwise it follows them. A file that is gone, or says nothing, never takes an override away.

    Raises:
        UnwritableTarget, UnsupportedFile, UnreadableFile: the preferences cannot be stored or read.
    """
    groups: dict[Path, list[Entry]] = {}
    for checkpoint in checkpoints:
        if checkpoint.fingerprint:
            groups.setdefault(metadata_path(checkpoint.path), []).append(checkpoint)
    preferences, seen = store.read(), store.mirrored()
    changed: list[tuple[list[Entry], str]] = []
    problems = []
    for path, group in groups.items():
        try:
            said = read_vae(path)
            if said is not None and said != seen.get(str(path), AUTOMATIC):
                changed.append((group, said))
            else:
                said = _follow(path, said or AUTOMATIC, preferences, group, library)
        except WorkbenchError as error:
            problems.append(str(error))
            continue
        seen[str(path)] = said
    if changed:
        store.change(lambda now: _adopted(now, changed, library), undoable=False)
    store.keep_mirrored({path: said for path, said in seen.items() if said != AUTOMATIC})
    return tuple(problems)


def _follow(path: Path, said: str, preferences: Preferences, group: list[Entry], library: Collection) -> str:
    """Writes what the overrides say, unless one of them says that already; returns what the file says now."""
    overrides = filter(None, (preferences.override_of(checkpoint, library.checkpoints) for checkpoint in group))
    names = [override.vae.name for override in overrides] or [AUTOMATIC]
    if said in names:
        return said
    write_vae(path, names[0])
    return names[0]


def _adopted(now: Preferences, changed: Iterable[tuple[list[Entry], str]], library: Collection) -> Preferences:
    for group, said in changed:
        vae = None if said == AUTOMATIC else _preferred(said, library)
        for checkpoint in group:
            override = now.override_of(checkpoint, library.checkpoints)
            if override is None or override.vae.name != said:  # the same one may be confirmed, or known by its weights
                now = now.with_overrides([checkpoint], vae, library.checkpoints)
    return now


def _preferred(name: str, library: Collection) -> PreferredVae:
    found = () if name == OWN else find_vaes(library, name)
    held = held_vae(found[0]) if len(found) == 1 else None
    return PreferredVae(name, held.sketch_id if held else None)
