"""The grid of a comparison as one picture."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_workbench.compare.folder.folder import Cell, ComparisonFolder, SourceRecord, VaeRecord
from vae_workbench.compare.views.grid_picture import PAPER, grid_infotext, grid_picture, write_grid
from vae_workbench.errors import InvalidInput, TargetExists

INFOTEXT = 'a "cat", red\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 24x16'


def picture(seed: int, width: int = 24, height: int = 16) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 200, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    """Two pictures of different sizes and a latent; a VAE that worked, one that failed and one that was not run."""
    made = ComparisonFolder(tmp_path / "comparison")
    made.add_source(SourceRecord("s1", "wide", "picture", 24, 16), picture(1))
    made.add_source(SourceRecord("s2", "high", "generation", 20, 40, infotext=INFOTEXT), picture(2, 20, 40))
    made.add_source(SourceRecord("s3", "latent", "latent", 24, 16, latent="latent-s3.safetensors"))
    for key, name in (("v1", "good.safetensors"), ("v2", "b" * 150), ("v3", "later, or never")):
        made.add_vae(VaeRecord(key, name, badge="SD 1.x"))
    measures = {"psnr": 31.25, "delta_e": 1.5, "flip": 0.1}
    made.put(Cell("s1", "v1", "done", precision="fp32", measures=measures, words="softer"), picture(3))
    made.put(Cell("s2", "v1", "done", precision="fp16 rescaled"), picture(4, 20, 40))
    made.put(Cell("s3", "v1", "done", precision="fp32"), picture(5))
    made.put(Cell("s1", "v2", "failed", error="It cannot be used, for a reason that is " + "long " * 40))
    return made


def found_at(sheet: Image.Image, wanted: Image.Image) -> tuple[int, int]:
    """(x, y) at which a picture lies on the sheet, pixel by pixel."""
    whole, part = np.asarray(sheet), np.asarray(wanted)
    height, width = part.shape[:2]
    for y, x in np.argwhere((whole == part[0, 0]).all(-1)):
        if np.array_equal(whole[y : y + height, x : x + width], part):
            return int(x), int(y)
    raise AssertionError("a picture is missing or was scaled")


def test_rows_are_sources_and_columns_are_vaes_at_full_size(folder: ComparisonFolder) -> None:
    sheet = grid_picture(folder)
    places = {seed: found_at(sheet, picture(seed, *size)) for seed, size in
              ((1, (24, 16)), (2, (20, 40)), (3, (24, 16)), (4, (20, 40)), (5, (24, 16)))}  # fmt: skip
    assert places[1][0] == places[2][0] < places[3][0] == places[4][0] == places[5][0]
    assert places[1][1] == places[3][1] < places[2][1] == places[4][1] < places[5][1]
    assert sheet.mode == "RGB" and sheet.getpixel((0, 0)) == PAPER


def test_nothing_lies_on_anything_else(folder: ComparisonFolder) -> None:
    """Between columns there is paper down to the line below them, however long names and errors are."""
    sheet = np.asarray(grid_picture(folder))
    x, _ = found_at(Image.fromarray(sheet), picture(3))
    _, bottom = found_at(Image.fromarray(sheet), picture(5))
    assert (sheet[: bottom + 16, x - 6 : x] == PAPER).all(), "something reaches into the next column"
    assert (sheet[-4:] == PAPER).all() and (sheet[:, -4:] == PAPER).all()


def test_a_long_name_makes_the_head_higher_and_is_not_cut(folder: ComparisonFolder) -> None:
    before = grid_picture(folder).height
    folder.add_vae(VaeRecord("v2", "b"))
    assert grid_picture(folder).height < before


def test_without_pictures_of_sources_there_is_no_column_for_them(folder: ComparisonFolder) -> None:
    with_sources = grid_picture(folder).width
    folder.remove(["s1", "s2"])
    assert grid_picture(folder).width < with_sources


def test_a_picture_that_is_damaged_leaves_its_place_empty(folder: ComparisonFolder) -> None:
    cell = folder.cells["s1", "v1"]
    (folder.path / str(cell.image)).write_bytes(b"junk")
    with pytest.raises(AssertionError):
        found_at(grid_picture(folder), picture(3))


def test_nothing_to_draw_and_far_too_much_are_told(tmp_path: Path) -> None:
    empty = ComparisonFolder(tmp_path)
    with pytest.raises(InvalidInput, match="nothing in this comparison"):
        grid_picture(empty)
    empty.add_vae(VaeRecord("v", "v"))
    empty.add_source(SourceRecord("s", "s", "latent", 40_000, 40_000))
    with pytest.raises(InvalidInput, match="would have"):
        grid_picture(empty)


def parameters(text: str) -> dict[str, str]:
    """The last line as the web UI's ``infotext_utils`` takes it apart."""
    return dict(re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', text.split("\n")[-1]))


def test_the_infotext_is_a_generations_with_the_comparison_after_it(folder: ComparisonFolder) -> None:
    told = grid_infotext(folder)
    assert told.startswith(INFOTEXT)
    read = parameters(told)
    assert read["Seed"] == "1" and read["VAE 1"] == "good.safetensors" and read["VAE 3"] == '"later, or never"'
    assert read["Precision"] == '"fp32, fp16 rescaled"' and read["Source 1"] == "wide"
    assert "Source 1 infotext" not in read and read["Source 2 infotext"].startswith('"a \\"cat\\", red\\nNegative')


def test_without_a_generation_the_infotext_has_the_comparison_alone(folder: ComparisonFolder) -> None:
    folder.remove(["s2"])
    told = grid_infotext(folder)
    assert "\n" not in told and parameters(told)["Source 2"] == "latent"


@pytest.mark.parametrize("name", ["grid.png", "grid.webp"])
def test_it_is_written_with_the_infotext_and_never_over_a_file(
    folder: ComparisonFolder, tmp_path: Path, name: str
) -> None:
    write_grid(folder, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        found_at(image.convert("RGB"), picture(3))
        kept = image.info.get("parameters", "").encode("utf-16-be") or image.info["exif"]
    assert grid_infotext(folder).encode("utf-16-be") in kept
    with pytest.raises(TargetExists):
        write_grid(folder, tmp_path / name)
    write_grid(folder, tmp_path / name, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison", name]
