"""The results of an evaluation in a file that only ever grows, so that a run that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableFile, UnwritableTarget
from .job import Column, Line
from .measuring.measured import MEASURES

CHECKSUM = b',"crc":"'
"""What precedes the checksum of a line, which is the last that it tells: the CRC-32 of all before."""

MOST_TOLD = 1000
"""Sentences about single pictures that are kept in memory; all are in the file."""


class Results:
    """The file. A line that was cut off, or changed, counts as not there.

    Args:
        path: of the file, which need not exist.
        pictures: how many there are.
        columns: what is computed of each.

    Attributes:
        done: pictures × columns, what need not be computed any more; a broken picture is done in all columns.
        changed: pictures that were changed after they had been measured.
        stamps: of the pictures' files when they were measured; 0: nobody noted it.

    Raises:
        UnreadableFile, UnwritableTarget: the system refuses.
    """

    def __init__(self, path: Path, pictures: int, columns: Sequence[Column]) -> None:
        self.path = path
        self.done: NDArray[np.bool_] = np.zeros((pictures, len(columns)), bool)
        self.changed: NDArray[np.bool_] = np.zeros(pictures, bool)
        self.stamps: NDArray[np.uint64] = np.zeros(pictures, np.uint64)
        self._places = {(column.vae, column.precision): place for place, column in enumerate(columns)}
        self._end_whole()
        for line in self.lines():
            self._note(line)

    def lines(self) -> Iterator[Line]:
        """All that is known, in the order in which it came."""
        if not self.path.exists():
            return
        try:
            with self.path.open("rb") as file:
                for text in file:
                    line = _checked(text)
                    if line is not None and self._belongs(line):
                        yield line
        except OSError as error:
            raise UnreadableFile(self.path, f"{self.path} cannot be read: {error.strerror or error}") from error

    def add(self, lines: Iterable[Line]) -> None:
        """Adds what is not there yet.

        Raises:
            UnwritableTarget: the system refuses.
        """
        self._append([line for line in lines if not self._is_done(line)])

    def forget(self, pictures: Iterable[int]) -> None:
        """What is known of pictures that were changed no longer counts.

        Raises:
            UnwritableTarget: the system refuses.
        """
        self._append([{"picture": picture, "changed": True} for picture in pictures])

    def _append(self, new: list[Line]) -> None:
        if not new:
            return
        try:
            with self.path.open("ab") as file:
                file.write(b"".join(map(_text, new)))
        except OSError as error:
            raise self.unwritable(error) from error
        for line in new:
            self._note(line)

    def _belongs(self, line: Line) -> bool:
        known = "vae" not in line or (line["vae"], line["precision"]) in self._places
        return known and 0 <= line["picture"] < len(self.done)

    def _is_done(self, line: Line) -> bool:
        return bool(self.done[line["picture"], self._where(line)].all())

    def _note(self, line: Line) -> None:
        picture = line["picture"]
        if "changed" in line:
            self.done[picture], self.changed[picture], self.stamps[picture] = False, True, 0
        elif not line.get("again"):
            self.done[picture, self._where(line)], self.stamps[picture] = True, line.get("file", 0)

    def _where(self, line: Line) -> slice:
        if "vae" not in line:
            return slice(None)
        place = self._places[line["vae"], line["precision"]]
        return slice(place, place + 1)

    def _end_whole(self) -> None:
        """Takes away what was being written when a run was killed, so that what follows begins a line."""
        try:
            with self.path.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                end = size
                while end:
                    begin = max(0, end - 65536)
                    file.seek(begin)
                    found = file.read(end - begin).rfind(b"\n")
                    if found >= 0:
                        end = begin + found + 1
                        break
                    end = begin
                if end < size:
                    file.truncate(end)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self.unwritable(error) from error

    def unwritable(self, error: OSError) -> UnwritableTarget:
        """What a person is told when the system refuses."""
        return UnwritableTarget(
            self.path,
            f"{self.path} cannot be written: {error.strerror or error}",
            "Check that its folder may be written to and that there is space, and start again: what was done is kept",
        )


@dataclass
class Failures:
    """What could not be measured.

    Attributes:
        broken: pictures that could not be read.
        failed: pictures of each column for which there are no measures.
        sentences: why, by picture and column (``None``: the picture is broken); at the most :data:`MOST_TOLD`.
    """

    broken: int = 0
    failed: dict[int, int] = field(default_factory=dict)
    sentences: dict[tuple[int, int | None], str] = field(default_factory=dict)


@contextlib.contextmanager
def table(results: Results, columns: Sequence[Column]) -> Iterator[tuple[Mapping[str, NDArray[np.float64]], Failures]]:
    """The measures as arrays: by name, columns × pictures. NaN where there is none, and infinite for the PSNR of no difference.

    They lie in a temporary file and not in memory; whatever the order in which results came, they are the same.
    """
    count, names = len(results.done), list(MEASURES)
    places: dict[tuple[int, str], int] = {(column.vae, column.precision): place for place, column in enumerate(columns)}
    failures, found = Failures(), set[tuple[int, int | None]]()
    with _temporary_folder(results) as folder:
        values = _nothing_known(results, folder / "table", (len(names), len(columns), count))
        for line in results.lines():
            picture, column = line["picture"], places[line["vae"], line["precision"]] if "vae" in line else None
            if "changed" in line:
                values[:, :, picture] = np.nan
                found -= {(picture, place) for place in (None, *places.values())}
                continue
            if "error" in line:
                found.add((picture, column))
                continue
            assert column is not None
            found.discard((picture, column))  # it failed, and was done again
            for number, name in enumerate(names):
                value = line.get(name, np.nan)
                values[number, column, picture] = np.inf if value is None else value
        failures.broken = sum(column is None for _, column in found)
        failures.failed = {place: sum(column == place for _, column in found) for place in range(len(columns))}
        failures.sentences = _sentences(results, places, found)
        try:
            yield {name: values[number] for number, name in enumerate(names)}, failures
        finally:
            del values


@contextlib.contextmanager
def _temporary_folder(results: Results) -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(
            dir=results.path.parent,
            prefix=".vaewb-",
            ignore_cleanup_errors=True,  # Windows keeps a file that is mapped
        )
    except OSError as error:
        raise results.unwritable(error) from error
    with folder as name:
        yield Path(name)


def _nothing_known(results: Results, path: Path, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """A table full of NaN in a file that is written beforehand: on a full disk, a mapped one would end the program."""
    row = np.full(shape[-1], np.nan).tobytes()
    try:
        with path.open("wb") as file:
            for _ in range(shape[0] * shape[1]):
                file.write(row)
    except OSError as error:
        raise results.unwritable(error) from error
    return np.memmap(path, np.float64, "r+", shape=shape)


def _sentences(
    results: Results, places: Mapping[tuple[int, str], int], found: set[tuple[int, int | None]]
) -> dict[tuple[int, int | None], str]:
    """Why there are no measures, for the first of ``found``."""
    told = dict.fromkeys(sorted(found, key=lambda key: (key[0], -1 if key[1] is None else key[1]))[:MOST_TOLD], "")
    for line in results.lines() if told else ():
        key = (line["picture"], places[line["vae"], line["precision"]] if "vae" in line else None)
        if "error" in line and key in told:
            told[key] = line["error"]
    return told


def _text(line: Line) -> bytes:
    told = json.dumps(line, separators=(",", ":")).encode()[:-1]
    return told + CHECKSUM + b'%08x"}\n' % zlib.crc32(told)


def _checked(text: bytes) -> Line | None:
    """A line, if it is whole."""
    told, mark, check = text.rpartition(CHECKSUM)
    if not mark or check != b'%08x"}\n' % zlib.crc32(told):
        return None
    line: Line = json.loads(told + b"}")
    return line
