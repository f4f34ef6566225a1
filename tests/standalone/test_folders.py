"""Where the standalone app finds files."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae_workbench.standalone.folders import data_folder, list_vaes


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_vaes_of_all_kinds_are_found_below_the_folder(tmp_path: Path) -> None:
    wanted = [touch(tmp_path / name) for name in ("a.safetensors", "B.PT", "deep/er/c.ckpt", "d.bin", "e.pth")]
    touch(tmp_path / "readme.txt")
    (tmp_path / "folder.pt").mkdir()
    listed = list_vaes([tmp_path])
    assert sorted(c.name for c in listed) == ["B.PT", "a.safetensors", "d.bin", "deep/er/c.ckpt", "e.pth"]
    assert {Path(c.path) for c in listed} == set(wanted)


def test_one_name_in_several_folders_stays_distinguishable(tmp_path: Path) -> None:
    folders = [tmp_path / "x" / "vaes", tmp_path / "y" / "vaes", tmp_path / "z"]
    files = [touch(folder / "vae.pt") for folder in folders]
    listed = list_vaes(folders)
    assert [Path(c.path) for c in listed] == files
    assert [c.name for c in listed] == ["vae.pt", "vaes/vae.pt", "z/vae.pt"]
    assert len({c.name for c in list_vaes([*folders, tmp_path / "w" / "vaes"])}) == 3


def test_the_data_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAEWB_DATA", str(tmp_path))
    assert data_folder() == tmp_path


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [("linux", "XDG_DATA_HOME", "vae-workbench"), ("win32", "LOCALAPPDATA", "vae-workbench")],
)
def test_the_systems_own_place_is_the_default(
    platform: str, variable: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VAEWB_DATA", raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert data_folder() == tmp_path / end
