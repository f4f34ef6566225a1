"""Pictures with their infotext inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_workbench.compare.views.picture_file import USER_COMMENT, check_picture_target, write_picture
from vae_workbench.errors import InvalidInput, TargetExists, UnwritableTarget

PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8))
INFOTEXT = "猫, a cat\nNegative prompt: dog\nSteps: 20, Seed: 1"


def test_a_png_has_it_as_parameters(tmp_path: Path) -> None:
    write_picture(PICTURE, tmp_path / "a.png", INFOTEXT)
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["parameters"] == INFOTEXT and image.tobytes() == PICTURE.tobytes()


def test_a_webp_has_it_as_a_user_comment_and_loses_nothing(tmp_path: Path) -> None:
    """Pillow wrote the comment as plain bytes, in which the web UI found no infotext."""
    write_picture(PICTURE, tmp_path / "a.webp", INFOTEXT)
    with Image.open(tmp_path / "a.webp") as image:
        assert image.convert("RGB").tobytes() == PICTURE.tobytes()
        comment = image.getexif().get_ifd(0x8769)[USER_COMMENT]
        raw = image.info["exif"]
    assert comment[:8] == b"UNICODE\0" and comment[8:].decode("utf-16-be") == INFOTEXT
    assert b"\x92\x86\x00\x07" in raw, "its type is UNDEFINED, as EXIF asks for"


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_without_infotext(tmp_path: Path, name: str) -> None:
    write_picture(PICTURE, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert "parameters" not in image.info and not image.info.get("exif")


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    check_picture_target(tmp_path / "a.webp", (16383, 10))
    check_picture_target(tmp_path / "a.PNG", (20000, 10000))
    for size in ((16384, 10), (10, 16384), (9000, 9000)):
        with pytest.raises(InvalidInput, match="Save it as PNG"):
            check_picture_target(tmp_path / "a.webp", size)
    with pytest.raises(InvalidInput, match=r"End it in \.png or \.webp"):
        check_picture_target(tmp_path / "a.gif", (10, 10))
    with pytest.raises(UnwritableTarget):
        check_picture_target(tmp_path / "nowhere" / "a.png", (10, 10))
    (tmp_path / "a.png").touch()
    with pytest.raises(TargetExists):
        check_picture_target(tmp_path / "a.png", (10, 10))
    check_picture_target(tmp_path / "a.png", (10, 10), overwrite=True)
