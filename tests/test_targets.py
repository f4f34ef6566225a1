"""Files and folders that are to be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vae_workbench.errors import TargetExists, UnwritableTarget
from vae_workbench.targets import check_file_target, check_folder_target, write_whole

READ_ONLY = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to this user"
)


def test_what_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_text("old")
    check_file_target(tmp_path / "new")
    check_file_target(tmp_path / "there", overwrite=True)
    check_folder_target(tmp_path)
    check_folder_target(tmp_path / "some" / "new" / "folder")
    monkeypatch.chdir(tmp_path)
    check_file_target(Path("new"))
    check_folder_target(Path("some/new/folder"))


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    with pytest.raises(TargetExists, match="already exists"):
        check_file_target(tmp_path / "there")
    with pytest.raises(UnwritableTarget, match="nowhere is not there"):
        check_file_target(tmp_path / "nowhere" / "new")
    with pytest.raises(UnwritableTarget, match="is a folder"):
        check_file_target(tmp_path, overwrite=True)


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside" / "deeper"):
        with pytest.raises(UnwritableTarget, match="file is no folder"):
            check_folder_target(folder)


@READ_ONLY
def test_folders_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        for check in (check_file_target, check_folder_target, lambda path: write_whole(path, b"x")):
            with pytest.raises(UnwritableTarget, match="cannot be written"):
                check(tmp_path / "new")
    finally:
        tmp_path.chmod(0o700)


def test_writing_replaces_whole_files_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in (b"old", b"new"):
        write_whole(target, content)
        assert target.read_bytes() == content
    target.unlink()
    target.mkdir()
    with pytest.raises(UnwritableTarget, match="cannot be written"):
        write_whole(target, b"x")
    assert list(tmp_path.iterdir()) == [target]
