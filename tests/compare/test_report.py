"""A comparison as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae_workbench.compare.candidate import Candidate
from vae_workbench.compare.comparison import Comparison, Result, Settings
from vae_workbench.compare.grid import draw_grid
from vae_workbench.compare.measures import fidelity, look
from vae_workbench.compare.picture import Picture
from vae_workbench.compare.report import picture_names, write_report
from vae_workbench.errors import TargetExists, UnwritableTarget


def image(seed: int, width: int = 40, height: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def comparison(*names: str, width: int = 40, height: int = 24) -> Comparison:
    original = image(0, width, height)
    results = [
        Result(
            Candidate(name, name),
            made := image(i + 1, width, height),
            look(made),
            fidelity(original, made),
            1.5,
            ("note",),
        )
        for i, name in enumerate(names)
    ]
    broken = Result(Candidate("broken", "broken"), error="broken cannot be read. Check it.")
    picture = Picture("p.png", torch.from_numpy(original).permute(2, 0, 1)[None], (80, 48))
    return Comparison(picture, original, look(original), (*results, broken), None, Settings())


def test_all_files_are_written_and_agree(tmp_path: Path) -> None:
    done = comparison("a.pt", "b.pt")
    contents = write_report(done, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert sorted(p.name for p in folder.iterdir()) == [
        "a.pt.png",
        "b.pt.png",
        "grid.png",
        "original.png",
        "report.json",
    ]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == contents
    first = contents["results"][0]
    assert (first["vae"], first["picture"], first["error"]) == ("a.pt", "a.pt.png", None)
    assert first["psnr"] == pytest.approx(done.results[0].fidelity.psnr)
    assert first["saturation"] == pytest.approx(done.results[0].look.saturation)
    assert contents["results"][2] == {
        **contents["results"][2],
        "picture": None,
        "psnr": None,
        "error": "broken cannot be read. Check it.",
    }
    assert contents["picture"]["original_size"] == [80, 48] and contents["picture"]["size"] == [40, 24]
    assert np.array_equal(np.asarray(Image.open(folder / "a.pt.png")), np.round(done.results[0].image * 255))


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    write_report(comparison("a"), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(TargetExists, match="already holds"):
        write_report(comparison("c"), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    write_report(comparison("a"), tmp_path, overwrite=True)


def test_other_files_in_the_folder_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    write_report(comparison("a"), tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnwritableTarget, match="cannot be written"):
        write_report(comparison("a"), tmp_path / "file")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UnwritableTarget, match="No space left"):
        write_report(comparison("a"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_become_safe_distinct_file_names() -> None:
    names = ["../../etc/passwd", "a", "A", "grid", 'x<>:"|?*y', "  ..  ", "オレンジ"]
    got = picture_names(comparison(*names))
    assert got == [
        ".._.._etc_passwd.png".lstrip(". "),
        "a.png",
        "A-2.png",
        "grid-2.png",
        "x_y.png",
        "vae.png",
        "オレンジ.png",
        None,
    ]


@pytest.mark.parametrize(("width", "height"), [(40, 24), (24, 200), (300, 20), (1, 1)])
def test_the_grid_shows_every_cell_at_full_size(width: int, height: int) -> None:
    done = comparison("a" * 200, "二番目", "c", width=width, height=height)
    sheet = np.asarray(draw_grid(done), dtype=np.float32) / 255
    for picture in (done.original, *(r.image for r in done.results if r.image is not None)):
        assert _contains(sheet, np.round(picture * 255) / 255), "a picture is missing or was scaled"


def _contains(sheet: np.ndarray, picture: np.ndarray) -> bool:
    height, width = picture.shape[:2]
    starts = np.argwhere((np.abs(sheet - picture[0, 0]) < 1e-3).all(axis=-1))
    return any(
        np.allclose(sheet[y : y + height, x : x + width], picture, atol=1e-3)
        for y, x in starts
        if y + height <= sheet.shape[0] and x + width <= sheet.shape[1]
    )
