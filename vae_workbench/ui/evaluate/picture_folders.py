"""The folders of pictures that can be chosen. A browser names one of the list; no path comes from it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ...library.naming import distinct_names

BUILT_IN = "The built-in pictures"

MOST = 500
"""Folders that are listed."""


def picture_folders(roots: Iterable[Path]) -> Mapping[str, Path]:
    """Each root and the folders that lie in it, under distinct names. Hidden ones are left out."""
    found = list(dict.fromkeys(path for root in roots for path in _with_folders_in(root.absolute())))[:MOST]
    return dict(zip(distinct_names([str(path) for path in found]), found, strict=True))


def built_in_folder(folder: Path) -> Path:
    """A folder with the built-in pictures; those that are not there are drawn now.

    Raises:
        OSError: they cannot be written.
    """
    from ...compare.sources.builtin.pictures import BUILT_IN as NAMES
    from ...compare.sources.builtin.pictures import built_in

    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        if not (folder / f"{name}.png").exists():
            part = folder / f".{name}.part"
            built_in(name).save(part, "PNG")
            part.replace(folder / f"{name}.png")
    return folder


def _with_folders_in(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        return
    yield root
    try:
        with os.scandir(root) as entries:
            yield from sorted(
                root / entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return
