"""How a picture was made, as the web UI writes it into files and reads it: ``modules/images.py`` there, with Pillow alone."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

from PIL import Image

PARAMETERS = "parameters"
"""The name of the text in PNG files, be it tEXt, zTXt or iTXt."""

EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
"""Tags of EXIF 2.3. In JPEG, WebP and AVIF the text is in the user comment."""

CODES = {b"ASCII\0\0\0": "utf-8", b"JIS\0\0\0\0\0": "shift_jis", b"\0" * 8: "utf-8"}
"""What user comments begin with, but for ``UNICODE``, and how the rest is decoded. Programs write UTF-8 where they tell ASCII."""

UNICODE = b"UNICODE\0"

LONGEST = 1 << 20
"""Bytes of text that are read; a prompt of this length is none."""


def infotext_of(source: str | os.PathLike[str] | bytes) -> str:
    """The infotext of a picture file, or of the bytes of one; empty if it has none that can be read."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source)) as image:
            return (_of_exif(image) or _of_text(image)).strip("\0")
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, EOFError, OverflowError, struct.error):
        return ""  # Pillow's ways to say that a file is damaged; whoever reads the picture says so


def _of_text(image: Image.Image) -> str:
    if image.format == "PNG" and PARAMETERS not in image.info:
        image.load()  # text may follow the pixels
    found = image.info.get(PARAMETERS) or (image.info.get("comment") if image.format == "GIF" else None) or ""
    return found[:LONGEST].decode("utf-8", "ignore") if isinstance(found, bytes) else str(found)[:LONGEST]


def _of_exif(image: Image.Image) -> str:
    comment = image.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT, b"")  # type: ignore[no-untyped-call]
    if isinstance(comment, str):  # of a type that EXIF does not provide
        return comment[:LONGEST]
    if not isinstance(comment, bytes):
        return ""
    code, text = comment[:8], comment[8 : 8 + LONGEST]
    if code == UNICODE:
        return _of_utf_16(text)
    return text.decode(CODES[code], "ignore") if code in CODES else comment[:LONGEST].decode("utf-8", "ignore")


def _of_utf_16(text: bytes) -> str:
    """In either order: big-endian, as ``piexif`` writes it, unless a mark or the zeros of Latin letters tell the other."""
    if text[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return text.decode("utf-16", "ignore")
    little = text[1::2].count(0) > text[::2].count(0)
    return text.decode("utf-16-le" if little else "utf-16-be", "ignore")
