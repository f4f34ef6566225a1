"""By what a file is known again."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae_workbench.errors import UnreadableFile
from vae_workbench.library.fingerprint import BLOCK, fingerprint


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 20 * BLOCK])
def test_it_goes_with_the_content(tmp_path: Path, size: int) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    content = bytes(range(256)) * (size // 256 + 1)
    one.write_bytes(content[:size])
    other.write_bytes(content[:size])
    assert fingerprint(one) == fingerprint(other)
    other.write_bytes(content[:size] + b"x")
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize("place", [0, 5 * BLOCK, 10 * BLOCK - 1])
def test_a_change_where_it_looks_is_seen(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a"
    content = bytearray(10 * BLOCK)
    path.write_bytes(content)
    before = fingerprint(path)
    content[place] = 1
    path.write_bytes(content)
    assert fingerprint(path) != before


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        fingerprint(tmp_path / "missing")
