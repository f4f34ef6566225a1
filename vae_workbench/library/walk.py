"""The files below some folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..progress import Progress, silent

ENDINGS = (".safetensors", ".pt", ".ckpt", ".pth", ".bin")
"""What VAEs and checkpoints are published as."""

Stamp = tuple[int, int]
"""Size in bytes and time of change in nanoseconds."""


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        files: absolute path → size and time of change.
        complaints: a sentence for each folder or file that could not be read.
        unread: the folders of which that is true. What is below them is unknown, not gone.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def walk(folders: Iterable[str | os.PathLike[str]], progress: Progress = silent) -> Found:
    """All files with one of :data:`ENDINGS` below the folders, those behind symbolic links too; each folder is entered once.

    Folders and files whose names begin with a dot are left out: they are temporary files and caches.

    Raises:
        Cancelled: ``progress`` raised it.
    """
    found = Found()
    entered: set[str] = set()
    waiting = [os.path.abspath(folder) for folder in folders][::-1]  # noqa: PTH100  # resolve() would follow links
    while waiting:
        folder = waiting.pop()
        progress(0.0, f"Looking into {Path(folder).name}")
        real = os.path.realpath(folder)
        if real in entered:
            continue
        entered.add(real)
        try:
            with os.scandir(folder) as listing:
                waiting += _enter(listing, found)
        except OSError as error:
            found.unread.append(folder)
            found.complaints.append(f"The folder {folder} cannot be read: {error.strerror or error}.")
    return found


def _enter(listing: Iterable[os.DirEntry[str]], found: Found) -> list[str]:
    """Notes the files of one folder and gives its folders."""
    below = []
    for entry in listing:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir():
                below.append(entry.path)
            elif entry.name.lower().endswith(ENDINGS):
                status = entry.stat()
                found.files[entry.path] = status.st_size, status.st_mtime_ns
        except OSError as error:  # such as a link to nowhere
            found.complaints.append(f"{entry.path} cannot be read: {error.strerror or error}.")
    return sorted(below, reverse=True)
