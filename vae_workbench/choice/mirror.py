"""Overrides and the web UI's own metadata, kept alike, so that either may be changed and both survive the other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import WorkbenchError
from ..library.collection import Collection
from ..library.entry import Entry
from .find import find_vaes
from .fit import vae_traits
from .preference_store import PreferenceStore
from .preferences import OWN, Preferences, PreferredVae
from .user_metadata import AUTOMATIC, metadata_path, read_vae, write_vae

MOST_COPIES = 5
"""Checkpoints with the same content whose names are told."""


def mirror(store: PreferenceStore, checkpoints: Iterable[Entry], library: Collection) -> tuple[str, ...]:
    """Brings the overrides of these checkpoints, and of all with the same content, and the web UI's metadata files into line,
    and returns what went wrong.

    A file that names another VAE than when it was last looked at was changed by the person, in the web UI: the overrides
    follow it. Otherwise it follows them. A file that is gone, or says nothing, never takes an override away.

    Raises:
        UnwritableTarget, UnsupportedFile, UnreadableFile: the preferences cannot be stored or read.
    """
    groups: dict[Path, list[Entry]] = {}
    for checkpoint in with_copies(checkpoints, library):
        groups.setdefault(metadata_path(checkpoint.path), []).append(checkpoint)
    preferences, seen = store.read(), store.mirrored()
    says: dict[Path, str] = {}
    changed: list[tuple[list[Entry], str]] = []
    problems = []
    for path, group in groups.items():
        try:
            said = read_vae(path)
        except WorkbenchError as error:
            problems.append(str(error))
            continue
        says[path] = said or AUTOMATIC
        if said is not None and said != seen.get(str(path), AUTOMATIC):
            changed.append((group, said))
    if changed:
        preferences = store.change(lambda now: _adopted(now, changed, library), undoable=False)
    for path, said in says.items():
        try:
            seen[str(path)] = _follow(path, said, preferences, groups[path], library)
        except WorkbenchError as error:
            problems.append(str(error))
            if (groups[path], said) in changed:
                seen[str(path)] = said
    store.keep_mirrored({path: said for path, said in seen.items() if said != AUTOMATIC})
    return tuple(problems)


def with_copies(checkpoints: Iterable[Entry], library: Collection) -> list[Entry]:
    """These checkpoints, and all others of the library with the same content, for which their overrides count as well.

    Those that could not be read are left out.
    """
    given = {checkpoint.path: checkpoint for checkpoint in checkpoints if checkpoint.fingerprint}
    contents = {checkpoint.fingerprint for checkpoint in given.values()}
    copies = {it.path: it for it in library.checkpoints if it.fingerprint in contents}
    return list({**given, **copies}.values())


def copies_sentence(checkpoints: Iterable[Entry], library: Collection) -> str:
    """For which other checkpoints the overrides of these count as well, as a sentence; empty if there are none."""
    given = list(checkpoints)
    own = {checkpoint.path for checkpoint in given}
    names = [copy.name for copy in with_copies(given, library) if copy.path not in own]
    if not names:
        return ""
    more = f" and {len(names) - MOST_COPIES} more" if len(names) > MOST_COPIES else ""
    return f"This also counts for {', '.join(names[:MOST_COPIES])}{more}, whose content is the same."


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
    held = vae_traits(found[0]) if len(found) == 1 else None
    return PreferredVae(name, held.sketch_id if held else None)
