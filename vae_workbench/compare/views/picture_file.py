"""Pictures as files with their infotext inside, where the web UI writes and reads it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ...errors import InvalidInput
from ...targets import check_file_target, write_whole

WEBP_LONGEST_SIDE = 16383
"""The format has 14 bits for each side."""

WEBP_MOST_PIXELS = 64_000_000
"""Writing it without loss takes 31 bytes of memory for each pixel, as measured: 2 GB for these."""

EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
"""Tags of EXIF 2.3."""

LONG, UNDEFINED = 4, 7
"""Types of values in TIFF 6.0."""

FORMATS = {".png": "PNG", ".webp": "WebP"}


def check_picture_target(target: Path, size: tuple[int, int], *, overwrite: bool = False) -> None:
    """Whether a picture of this size can be written there.

    Raises:
        TargetExists, UnwritableTarget: see :func:`...targets.check_file_target`.
        InvalidInput: the ending is of no format that is written here, or the picture is too large for it.
    """
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise InvalidInput(f"{target.name} has no ending of a picture", f"End it in {' or '.join(FORMATS)}")
    if kind == "WebP" and (max(size) > WEBP_LONGEST_SIDE or size[0] * size[1] > WEBP_MOST_PIXELS):
        raise InvalidInput(
            f"The picture has {size[0]}×{size[1]} pixels, and WebP is written up to {WEBP_LONGEST_SIDE} along each side and "
            f"{WEBP_MOST_PIXELS // 1_000_000} million in all",
            "Save it as PNG, or take fewer sources or VAEs",
        )
    check_file_target(target, overwrite=overwrite)


def write_picture(picture: Image.Image, target: Path, infotext: str = "") -> None:
    """Writes an RGB picture without loss, whole or not at all; the ending of ``target`` tells the format.

    Raises:
        UnwritableTarget: the system refuses.
    """
    write_whole(target, picture_bytes(picture, FORMATS[target.suffix.lower()], infotext))


def picture_bytes(picture: Image.Image, kind: str, infotext: str = "") -> bytes:
    """The same as the content of a file; ``kind`` is ``PNG`` or ``WebP``.

    The infotext goes into a PNG as a text chunk named ``parameters``, into a WebP as the EXIF user comment in UTF-16.
    """
    stream = io.BytesIO()
    if kind == "PNG":
        info = PngInfo()
        if infotext:
            info.add_text("parameters", infotext)
        picture.save(stream, "PNG", compress_level=1, pnginfo=info)
    else:
        # Without loss, the lower methods are several times as fast and make files hardly larger.
        picture.save(stream, "WebP", lossless=True, quality=20, method=1, exif=_exif(infotext))
    return stream.getvalue()


def _exif(infotext: str) -> bytes:
    """A TIFF of two directories, the second of them EXIF's. Pillow would give the comment a type that is not read everywhere."""
    if not infotext:
        return b""
    comment = b"UNICODE\0" + infotext.encode("utf-16-be", "surrogatepass")
    outer = struct.pack(">HHHIII", 1, EXIF_IFD, LONG, 1, 26, 0)
    inner = struct.pack(">HHHIII", 1, USER_COMMENT, UNDEFINED, len(comment), 44, 0)
    return b"MM\0*" + struct.pack(">I", 8) + outer + inner + comment
