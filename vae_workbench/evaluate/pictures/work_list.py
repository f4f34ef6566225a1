"""The pictures of an evaluation, in an order that is the same wherever and whenever they are listed."""

from __future__ import annotations

import hashlib
import heapq
import json
import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...compare.sources.sources import PICTURES
from ...errors import DamagedFile, InvalidInput, UnreadableFile
from ...targets import write_whole_from


def pictures_of(named: Path) -> tuple[Path, Iterator[str]]:
    """The folder that names are relative to, and the names.

    A folder gives its pictures and those of its subfolders, sorted by name, directory by directory, so that the names of one
    directory at a time are in memory. Hidden files and links to folders are left out. A file gives one picture for each of its
    lines, as they stand in it; those that are relative count from where the file lies.

    Raises:
        InvalidInput: it is neither.
    """
    if named.is_dir():
        return named.absolute(), _of_folder(named, "")
    if named.is_file():
        return named.absolute().parent, _of_list(named)
    raise InvalidInput(f"{named} is neither a folder nor a list of pictures", "Name a folder, or a text file of paths")


def sampled(names: Iterable[str], count: int, seed: int) -> list[str]:
    """``count`` names at random, in the order that they came in; all if there are not more.

    Those are taken whose hash with the seed is smallest: neither the order nor where the folder lies matters, and pictures that
    are added later change no more of the sample than they take up.
    """
    numbered = heapq.nsmallest(count, enumerate(names), key=lambda item: (name_hash(item[1], seed), item[0]))
    return [name for _, name in sorted(numbered)]


def name_hash(name: str, seed: int) -> int:
    """64 bits that tell nothing of the name."""
    digest = hashlib.blake2b(os.fsencode(name), digest_size=8, key=str(seed).encode())
    return int.from_bytes(digest.digest(), "big")


def write_work_list(names: Iterable[str], target: Path) -> None:
    """Writes one name to a line, as JSON, for names may hold anything.

    Raises:
        UnwritableTarget: the system refuses.
    """
    write_whole_from(target, (json.dumps(name).encode() + b"\n" for name in names))


class WorkList:
    """Names that were written by :func:`write_work_list`, in batches that are read when they are needed.

    Args:
        path: the file.
        batch: names to a batch; the last may have fewer.

    Raises:
        UnreadableFile: the system refuses.
    """

    def __init__(self, path: Path, batch: int) -> None:
        self.path = path
        self.batch = batch
        self._begins, self.count = array("Q"), 0
        try:
            with path.open("rb") as file:
                position = 0
                for line in file:
                    if self.count % batch == 0:
                        self._begins.append(position)
                    position += len(line)
                    self.count += 1
        except OSError as error:
            raise UnreadableFile(path, f"{path} cannot be read: {error.strerror or error}") from error

    @property
    def batches(self) -> int:
        """How many there are."""
        return len(self._begins)

    def names(self, batch: int) -> list[str]:
        """The names of a batch.

        Raises:
            DamagedFile: the file was changed.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._begins[batch])
                count = min(self.batch, self.count - batch * self.batch)
                return [str(json.loads(file.readline())) for _ in range(count)]
        except ValueError as error:
            raise DamagedFile(self.path, f"{self.path} was changed", "Evaluate into another folder") from error

    def name(self, picture: int) -> str:
        """The name of one picture."""
        return self.names(picture // self.batch)[picture % self.batch]


def _of_folder(folder: Path, prefix: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            # Reading a pipe would wait for ever. A link to nothing is a picture that is broken, and counted.
            found = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink() or entry.is_file())
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError as error:
        raise UnreadableFile(folder, f"{folder} cannot be read: {error.strerror or error}") from error
    for name, is_folder, is_file in found:
        if is_folder:
            yield from _of_folder(folder / name, f"{prefix}{name}/")
        elif is_file and os.path.splitext(name)[1].lower() in PICTURES:  # noqa: PTH122  # a million of them
            yield prefix + name


def _of_list(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for line in lines:
            if name := line.strip():
                yield name
