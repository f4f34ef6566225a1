"""Text on pictures: a font that has its letters, and lines that fit without anything being cut."""

from __future__ import annotations

import importlib.util
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Fonts that systems bring and that hold Japanese, Chinese and Korean as well; found by name on each of them.
CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "meiryo.ttc",
    "YuGothM.ttc",
    "msgothic.ttc",
    "Hiragino Sans GB.ttc",
    "ヒラギノ角ゴシック W3.ttc",
    "DroidSansFallbackFull.ttf",
    "ipag.ttf",
)

PIECE = re.compile(r"[\u2e80-\uffff]|[^\s\-_./\\,;:|+\u2e80-\uffff]*[\s\-_./\\,;:|+]+|[^\s\-_./\\,;:|+\u2e80-\uffff]+")
"""What stays together on a line as long as it fits: a word with what follows it, or one ideograph."""


def font_for(text: str, size: int) -> Font:
    """A font of this height in pixels that has the text's letters, as far as the system has one."""
    return _font(size, all(ord(character) < 0x2E80 for character in text))


def wrapped(text: str, font: Font, room: float) -> list[str]:
    """The text in lines of at most ``room`` pixels; what is too long for one is broken anywhere, but never shortened."""
    lines = [""]
    for paragraph in text.split("\n"):
        for piece in PIECE.findall(paragraph):
            for part in _fitting(piece, font, room):
                if lines[-1] and font.getlength((lines[-1] + part).rstrip()) > room:
                    lines.append("")
                lines[-1] += part
        lines.append("")
    return [line.strip() for line in lines if line.strip()]


def _fitting(piece: str, font: Font, room: float) -> Iterator[str]:
    """A piece in parts that fit into a line each, if it does not as a whole; a single letter always counts as fitting."""
    while len(piece) > 1 and font.getlength(piece.rstrip()) > room:
        kept = max(1, bisect_right(range(1, len(piece)), room, key=lambda letters: font.getlength(piece[:letters])))
        yield piece[:kept]
        piece = piece[kept:]
    yield piece


@lru_cache(maxsize=32)
def _font(size: int, latin: bool) -> Font:
    """DejaVu Sans has Latin, Greek, Cyrillic and signs, all below the CJK blocks."""
    for name in _font_files() if latin else (*CJK_FONTS, *_font_files()):
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default()


def _font_files() -> Sequence[str]:
    """DejaVu Sans as matplotlib carries it, which comes with gradio; found without importing matplotlib."""
    found = importlib.util.find_spec("matplotlib")
    folders = found.submodule_search_locations if found else None
    return [str(Path(folder) / "mpl-data/fonts/ttf/DejaVuSans.ttf") for folder in folders or ()] + ["DejaVuSans.ttf"]
