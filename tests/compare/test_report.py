"""A comparison as a report for programs, and its views as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_workbench.compare.folder.folder import Cell, ComparisonFolder, SourceRecord, VaeRecord
from vae_workbench.compare.report import MEASURES, check_target, draw_differences, report, write_report
from vae_workbench.errors import TargetExists, UnwritableTarget


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 40, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    """One source; one VAE is fine, one is the same picture, one failed."""
    made = ComparisonFolder(tmp_path / "comparison")
    made.add_source(SourceRecord("s", "face/of a cat", "picture", 40, 24), noise(0))
    for seed, name in enumerate(("a", "b", "c")):
        made.add_vae(VaeRecord(name, f"{name}.pt", path=f"/secret/{name}.pt"))
        if seed < 2:
            measures = {**dict.fromkeys(MEASURES, 0.5), "psnr": None if seed else 20.0}
            cell = Cell("s", name, "done", precision="fp32", seconds=1.5, measures=measures, words="paler")
            made.put(cell, noise(0 if seed else 1))
    made.put(Cell("s", "c", "failed", error="c.pt cannot be read. Check it."))
    return made


def test_the_report_has_a_cell_for_each_pair_by_names(folder: ComparisonFolder) -> None:
    told = write_report(folder, [("x.png", "x.png is not a picture.")])
    text = (folder.path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text) == told == report(folder, [("x.png", "x.png is not a picture.")])
    assert [(source["name"], source["error"]) for source in told["sources"]] == [
        ("face/of a cat", None),
        ("x.png", "x.png is not a picture."),
    ]
    fine, equal, failed = told["cells"]
    assert (fine["source"], fine["vae"], fine["psnr"], fine["words"]) == ("face/of a cat", "a.pt", 20.0, "paler")
    assert equal["psnr"] is None and equal["error"] is None
    assert failed["error"] == "c.pt cannot be read. Check it." and failed["psnr"] is None and "image" in failed
    assert "/secret" not in text


def test_only_a_folder_of_something_else_is_in_the_way(folder: ComparisonFolder, tmp_path: Path) -> None:
    check_target(folder.path)
    check_target(tmp_path / "new" / "folder")
    (tmp_path / "mine.txt").write_text("mine")
    check_target(tmp_path)
    (tmp_path / "cell-1.png").write_text("mine")
    with pytest.raises(TargetExists, match=r"already holds cell-1\.png"):
        check_target(tmp_path)
    check_target(tmp_path, overwrite=True)
    with pytest.raises(UnwritableTarget, match="no folder"):
        check_target(tmp_path / "mine.txt")


def test_differences_are_drawn_from_the_pictures_that_are_there(folder: ComparisonFolder) -> None:
    names = draw_differences(folder, "diff")
    assert names == ["diff-face_of_a_cat-a.pt.png", "diff-face_of_a_cat-b.pt.png"]
    differs, equal = (np.asarray(Image.open(folder.path / name))[:24, :40] for name in names)
    assert differs.max() > 100 and (equal == (0, 0, 4)).all()
    assert draw_differences(folder, "flip", "b") == ["flip-face_of_a_cat-a.pt.png"]
    assert draw_differences(folder, "flip", "c") == [], "it has no picture"


def test_names_that_would_be_one_file_are_told_apart(folder: ComparisonFolder) -> None:
    folder.add_source(SourceRecord("t", "face:of a cat", "picture", 40, 24), noise(0))
    folder.put(Cell("t", "a", "done"), noise(3))
    names = draw_differences(folder, "diff")
    assert len({name.casefold() for name in names}) == 3 and all((folder.path / name).is_file() for name in names)


def test_long_names_and_pictures_that_were_taken_away(folder: ComparisonFolder) -> None:
    """60 letters of Japanese are 180 bytes: two such names were more than a file's name can have, and nothing was drawn."""
    folder.add_source(SourceRecord("s", "猫" * 80, "picture", 40, 24, image="source-s.png"))
    folder.add_vae(VaeRecord("a", "髪" * 80))
    assert len(draw_differences(folder, "diff")) == 2
    (folder.path / str(folder.cells["s", "a"].image)).unlink()
    (folder.path / str(folder.cells["s", "b"].image)).write_bytes(b"no picture")
    assert draw_differences(folder, "diff") == []
