"""The files below some folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from vae_workbench.errors import Cancelled
from vae_workbench.library.walk import stamp_of, walk


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_all_endings_in_all_depths_and_nothing_else(tmp_path: Path) -> None:
    wanted = {touch(tmp_path / name) for name in ("a.safetensors", "b/c.CKPT", "b/d/e.pt", "f.bin", "g.pth", "h.SFT")}
    for name in ("notes.txt", "a.json", ".hidden.pt", ".git/x.pt", "folder.pt/readme.md"):
        touch(tmp_path / name)
    found = walk([tmp_path])
    assert set(found.files) == {str(path) for path in wanted}
    assert not found.complaints and not found.unread


def test_size_and_times_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    status = path.stat()
    assert walk([tmp_path]).files == {str(path): (5, status.st_mtime_ns, status.st_ctime_ns)}
    assert stamp_of(path) == walk([tmp_path]).files[str(path)]
    assert stamp_of(tmp_path / "missing") is None and stamp_of("nul\0") is None and stamp_of("\ud800") is None


def test_kinds_that_are_not_read_are_told_of_once(tmp_path: Path) -> None:
    for name in ("a.gguf", "sub/B.GGUF"):
        touch(tmp_path / name)
    found = walk([tmp_path])
    assert found.files == {} and found.unread == found.complaints == []
    assert found.remarks == [
        "GGUF files are not read here, so B.GGUF, a.gguf are not listed: use the safetensors file that it was made from."
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names of text only")
def test_names_are_as_the_system_has_them_and_shown_escaped(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\x83\x8b")
    path = touch(folder / os.fsdecode(b"\xe9.pt"))
    (folder / os.fsdecode(b"\xea.pt")).symlink_to(tmp_path / "missing")
    seen: list[str] = []
    found = walk([tmp_path, "nul\0"], lambda _, what: seen.append(what))
    assert set(found.files) == {str(path)}
    one, other = found.complaints
    assert r"\x83\x8b/\xea.pt cannot be read" in one and r"nul\x00 cannot be read" in other
    assert r"Looking into \x83\x8b" in seen


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    real = touch(tmp_path / "elsewhere/a.pt")
    folder = tmp_path / "models"
    touch(folder / "own.pt")
    (folder / "link").symlink_to(real.parent)
    (folder / "loop").symlink_to(folder)
    (real.parent / "back").symlink_to(folder)
    (folder / "again.pt").symlink_to(real)
    (folder / "nowhere.pt").symlink_to(tmp_path / "missing.pt")
    found = walk([folder])
    assert set(found.files) == {str(folder / name) for name in ("own.pt", "link/a.pt", "again.pt")}
    assert len(found.complaints) == 1 and "nowhere.pt" in found.complaints[0]


def test_a_folder_given_twice_or_inside_another_is_entered_once(tmp_path: Path) -> None:
    path = touch(tmp_path / "sub/a.pt")
    assert set(walk([tmp_path, tmp_path / "sub", tmp_path]).files) == {str(path)}


def test_a_missing_folder_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    path = touch(tmp_path / "a/b.pt")
    found = walk([tmp_path / "missing", tmp_path / "a"])
    assert set(found.files) == {str(path)}
    assert found.unread == [str(tmp_path / "missing")] and "missing" in found.complaints[0]


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    def progress(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        walk([tmp_path], progress)
