"""Where the standalone app finds files."""

from __future__ import annotations

from pathlib import Path

from vae_workbench.standalone.folders import list_vaes


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_vaes_of_all_kinds_are_found_below_the_folders(tmp_path: Path) -> None:
    names = ("a.safetensors", "B.PT", "deep/er/c.ckpt", "d.bin", "e.pth")
    wanted = [touch(tmp_path / "one" / name) for name in names] + [touch(tmp_path / "two" / "a.safetensors")]
    touch(tmp_path / "one" / "readme.txt")
    listed = list_vaes([tmp_path / "one", tmp_path / "two"])
    assert sorted(c.name for c in listed) == [
        "B.PT", "c.ckpt", "d.bin", "e.pth", "one/a.safetensors", "two/a.safetensors",
    ]  # fmt: skip
    assert {Path(c.path) for c in listed} == set(wanted)
