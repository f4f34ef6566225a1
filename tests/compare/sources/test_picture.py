"""Any picture file, by the stated rule."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae_workbench.compare.sources.picture import load_picture, pad_to_multiple
from vae_workbench.errors import InvalidInput


def saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, options.pop("format", "PNG"), **options)
    return buffer.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8), "RGB")


def test_pixels_are_the_files_own() -> None:
    image = gradient(20, 12)
    picture = load_picture(saved(image))
    assert picture.pixels.shape == (1, 3, 12, 20)
    assert picture.size == picture.original_size == (20, 12)
    assert torch.equal((picture.pixels[0] * 255).round().byte(), torch.from_numpy(np.array(image)).permute(2, 0, 1))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    written = saved(gradient(16, 16).convert(mode), format="TIFF" if mode == "CMYK" else "PNG")
    picture = load_picture(written)
    expected = np.asarray(Image.open(io.BytesIO(written)).convert("RGB"), dtype=np.float32) / 255
    assert torch.allclose(picture.pixels[0].permute(1, 2, 0), torch.from_numpy(expected))
    assert picture.pixels.std() > 0.1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white(mode: str) -> None:
    if mode == "P":
        image = Image.new("P", (8, 8), 0)
        image.putpalette([200, 0, 0] + [0, 0, 0] * 255)
        written = saved(image, transparency=0)
    else:
        written = saved(Image.new(mode, (8, 8), (200, 0) if mode == "LA" else (200, 0, 0, 0)))
    assert torch.equal(load_picture(written).pixels, torch.ones(1, 3, 8, 8))


def test_half_transparent_is_half_white() -> None:
    pixels = load_picture(saved(Image.new("RGBA", (8, 8), (0, 0, 0, 128)))).pixels
    assert pixels.mean().item() == pytest.approx(127 / 255, abs=1 / 255)


def test_exif_rotation_is_applied() -> None:
    image, exif = gradient(30, 10), Image.Exif()
    exif[0x0112] = 6  # "the camera was held turned by 90° clockwise"
    picture = load_picture(saved(image, format="JPEG", exif=exif, quality=95))
    assert picture.size == (10, 30)
    turned = torch.from_numpy(np.asarray(image.rotate(-90, expand=True), dtype=np.float32) / 255).permute(2, 0, 1)
    assert (picture.pixels[0] - turned).abs().mean() < 0.03


@pytest.mark.parametrize("top", [65535, 30000])
def test_sixteen_bit_grey_keeps_its_scale(top: int) -> None:
    """The stock picture field turns such a file white: it clips 16 bit values to 8 bit."""
    values = np.linspace(0, top, 64 * 4).reshape(4, 64).astype(np.uint16)
    picture = load_picture(saved(Image.fromarray(values)))
    assert np.allclose(picture.pixels[0, 0].numpy(), values / 65535, atol=1 / 255)


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_float_grey_is_scaled_by_the_nearest_white(white: float) -> None:
    values = np.linspace(0, white, 64 * 4, dtype=np.float32).reshape(4, 64)
    picture = load_picture(saved(Image.fromarray(values, "F"), format="TIFF"))
    assert np.allclose(picture.pixels[0, 0].numpy(), values / white, atol=1 / 255)


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [((400, 200), 100, (100, 50)), ((200, 400), 100, (50, 100)), ((400, 200), 0, (400, 200)), ((90, 33), 100, (90, 33)),
     ((1000, 1), 100, (100, 1))],
)  # fmt: skip
def test_a_large_picture_is_scaled_in_proportion(size: tuple[int, int], limit: int, expected: tuple[int, int]) -> None:
    picture = load_picture(saved(gradient(*size)), longest_side=limit)
    assert picture.size == expected
    assert picture.original_size == size


def test_padding_repeats_the_edge_and_moves_nothing() -> None:
    pixels = torch.rand(1, 3, 5, 13)
    padded = pad_to_multiple(pixels, 8)
    assert padded.shape == (1, 3, 8, 16)
    assert torch.equal(padded[..., :5, :13], pixels)
    assert torch.equal(padded[..., 7, 15], pixels[..., 4, 12])
    assert pad_to_multiple(padded, 8).shape == padded.shape


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not a picture"),
        (b"no picture at all", "not a picture"),
        (saved(Image.effect_noise((64, 64), 90))[:-200], "cannot be read"),
        (saved(gradient(64, 64))[:40], "holiday"),
        (saved(gradient(64, 64), format="JPEG")[:300], "holiday"),
        (saved(Image.fromarray(np.full((8, 8), np.nan, np.float32), "F"), format="TIFF"), "not finite"),
    ],
    ids=["empty", "text", "png cut off late", "png cut off early", "jpeg cut off", "nan"],
)
def test_a_bad_picture_gets_one_clear_sentence(content: bytes, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault) as caught:
        load_picture(content, name="holiday.png")
    assert caught.value.what.startswith("holiday.png") and caught.value.remedy


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InvalidInput, match="more than 100 pixels"):
        load_picture(saved(gradient(20, 20)))


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist"):
        load_picture(tmp_path / "none.png")
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_picture(tmp_path)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="longest side"):
        load_picture(saved(gradient(8, 8)), longest_side=-1)


def test_a_picture_that_is_a_program_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript under any name was handed to Ghostscript."""
    Image.new("RGB", (8, 8)).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.png")
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("it was run"))
    with pytest.raises(InvalidInput, match="not a picture that can be read"):
        load_picture(tmp_path / "x.png")
