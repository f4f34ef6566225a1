"""How a picture was made, of files as programs write them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vae_workbench.compare.sources.infotext import EXIF_IFD, USER_COMMENT, infotext_of
from vae_workbench.compare.sources.sources import load_sources
from vae_workbench.compare.views.picture_file import picture_bytes

TEXT = "a café, 猫 🙂\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, VAE: mse.pt"
PICTURE = Image.new("RGB", (16, 8), "red")


def png(add: Callable[[PngInfo], object]) -> bytes:
    info, stream = PngInfo(), io.BytesIO()
    add(info)
    PICTURE.save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


def with_comment(comment: bytes, kind: str = "JPEG") -> bytes:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[EXIF_IFD] = {USER_COMMENT: comment}
    PICTURE.save(stream, kind, exif=exif)
    return stream.getvalue()


FILES = {
    "tEXt": (png(lambda it: it.add_text("parameters", "a cat\nSteps: 20")), "a cat\nSteps: 20"),
    "zTXt": (png(lambda it: it.add_text("parameters", "a cat\nSteps: 20", zip=True)), "a cat\nSteps: 20"),
    "iTXt": (png(lambda it: it.add_itxt("parameters", TEXT)), TEXT),
    "iTXt, compressed": (png(lambda it: it.add_itxt("parameters", TEXT, zip=True)), TEXT),
    "after the pixels": (png(lambda it: it.add(b"tEXt", b"parameters\0a cat", after_idat=True)), "a cat"),
    "JPEG, as piexif writes it": (with_comment(b"UNICODE\0" + TEXT.encode("utf-16-be")), TEXT),
    "WebP, as piexif writes it": (with_comment(b"UNICODE\0" + TEXT.encode("utf-16-be"), "WEBP"), TEXT),
    "little-endian": (with_comment(b"UNICODE\0" + TEXT.encode("utf-16-le")), TEXT),
    "with a mark": (with_comment(b"UNICODE\0" + TEXT.encode("utf-16")), TEXT),
    "ASCII": (with_comment(b"ASCII\0\0\0" + TEXT.encode()), TEXT),
    "JIS": (with_comment("JIS\0\0\0\0\0猫".encode("shift_jis")), "猫"),
    "of no code": (with_comment(bytes(8) + TEXT.encode()), TEXT),
    "UTF-8 alone": (with_comment(TEXT.encode()), TEXT),
    "our own WebP": (picture_bytes(PICTURE, "WebP", TEXT), TEXT),
    "our own PNG": (picture_bytes(PICTURE, "PNG", TEXT), TEXT),
    "none": (png(lambda it: it.add_text("Title", "x")), ""),
    "cut off": (png(lambda it: it.add_text("Title", "x"))[:60], ""),
    "no picture": (b"junk", ""),
}


@pytest.mark.parametrize("name", FILES)
def test_the_infotext_of_every_form_is_read(name: str) -> None:
    content, expected = FILES[name]
    assert infotext_of(content) == expected


def test_a_source_has_the_infotext_of_its_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of JPEG and WebP it was lost: that of PNG alone was looked for."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "a.jpg").write_bytes(FILES["JPEG, as piexif writes it"][0])
    assert [source.record.infotext for source in load_sources([folder])] == [TEXT]
