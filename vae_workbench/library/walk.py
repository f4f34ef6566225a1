"""The files below some folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

from ..lazy_dataclass import dataclass
from ..printable import printable
from ..progress import Progress, silent

ENDINGS = (".safetensors", ".sft", ".pt", ".ckpt", ".pth", ".bin")
"""What VAEs and checkpoints are published as."""

UNREAD_ENDINGS = (".gguf",)
"""What models are published as too, and what is not read here. Such files are counted, and told of once."""

MOST_NAMED = 3
"""Files of :data:`UNREAD_ENDINGS` whose names are told."""

Stamp = tuple[int, int, int]
"""Size in bytes, time of change and time of the last change of its entry (``ctime``; on Windows, of its creation), both in
nanoseconds. The last tells of a file that was replaced by another one of its size and date: a date can be set, this one not."""


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """What the system says of a file now; ``None`` if it cannot be asked."""
    try:
        return _stamp(os.stat(path))  # noqa: PTH116
    except (OSError, ValueError):  # the latter for names that no file can have
        return None


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


@dataclass(frozen=True)
class FoundFiles:
    """What was found.

    Attributes:
        files: absolute path → what the system says of it.
        complaints: a sentence for each folder or file that could not be read.
        remarks: a sentence for all files of kinds that are not read.
        unread: the folders of which that is true. What is below them is unknown, not gone.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def walk(folders: Iterable[str | os.PathLike[str]], progress: Progress = silent) -> FoundFiles:
    """All files with one of :data:`ENDINGS` below the folders, those behind symbolic links too; each folder is entered once.

    Folders and files whose names begin with a dot are left out: they are temporary files and caches.

    Raises:
        Cancelled: ``progress`` raised it.
    """
    found = FoundFiles()
    entered: set[str] = set()
    unread_files: list[str] = []
    waiting = [os.path.abspath(folder) for folder in folders][::-1]  # noqa: PTH100  # resolve() would follow links
    while waiting:
        folder = waiting.pop()
        progress(0.0, f"Looking into {printable(Path(folder).name)}")
        try:
            real = os.path.realpath(folder)
            if real in entered:
                continue
            entered.add(real)
            with os.scandir(folder) as listing:
                waiting += _enter(listing, found, unread_files)
        except (OSError, ValueError) as error:
            found.unread.append(folder)
            found.complaints.append(f"The folder {printable(folder)} cannot be read: {_reason(error)}.")
    if unread_files:
        found.remarks.append(_not_read(unread_files))
    return found


def _enter(listing: Iterable[os.DirEntry[str]], found: FoundFiles, unread_files: list[str]) -> list[str]:
    """Notes the files of one folder and gives its folders."""
    below = []
    for entry in listing:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir():
                below.append(entry.path)
            elif entry.name.lower().endswith(ENDINGS):
                found.files[entry.path] = _stamp(entry.stat())
            elif entry.name.lower().endswith(UNREAD_ENDINGS):
                unread_files.append(entry.name)
        except OSError as error:  # such as a link to nowhere
            found.complaints.append(f"{printable(entry.path)} cannot be read: {_reason(error)}.")
    return sorted(below, reverse=True)


def _not_read(names: list[str]) -> str:
    told = ", ".join(printable(name) for name in sorted(names)[:MOST_NAMED])
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    verb = "is" if len(names) == 1 else "are"
    return f"GGUF files are not read here, so {told}{more} {verb} not listed: use the safetensors file that it was made from."


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
