"""What several tests of this room share."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from vae_workbench.weights import source


class RecordingFile(io.FileIO):
    """A file that remembers which ranges were read."""

    ranges: list[tuple[int, int]]

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        begin = self.tell()
        count = super().readinto(buffer)
        self.ranges.append((begin, begin + count))
        return count


@pytest.fixture
def ranges_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """The ranges (first byte, byte after the last) that are read while the test runs."""
    ranges: list[tuple[int, int]] = []

    def open_recording(path: str) -> io.FileIO:
        file = RecordingFile(path)
        file.ranges = ranges
        return file

    monkeypatch.setattr(source, "_open", open_recording)
    yield ranges
