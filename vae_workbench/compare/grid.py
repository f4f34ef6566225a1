"""The labelled grid: the original and every result side by side, at full size."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .comparison import Comparison, Result
from .measures import Fidelity, RgbImage

PAPER, INK, FAINT, GAP = (255, 255, 255), (20, 20, 20), (110, 110, 110), 16
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

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_grid(comparison: Comparison) -> Image.Image:
    """One cell for the original and one per result, about as wide as high, each with its name and measures below."""
    cells: list[tuple[str, str, RgbImage | None]] = [("original", "", comparison.original)]
    cells += [(r.candidate.name, caption(r), r.image) for r in comparison.results]
    width, height = comparison.picture.size
    columns = _columns(len(cells), width, height)
    size = max(13, min(28, width // 24))
    cell_width, cell_height = max(width, 15 * size) + GAP, height + round(3.2 * size) + GAP
    sheet = Image.new("RGB", (columns * cell_width + GAP, math.ceil(len(cells) / columns) * cell_height + GAP), PAPER)
    for index, (name, below, image) in enumerate(cells):
        row, column = divmod(index, columns)
        corner = (GAP + column * cell_width, GAP + row * cell_height)
        _draw_cell(sheet, corner, (width, height), size, cell_width - GAP, name, below, image)
    return sheet


def to_pil(image: RgbImage) -> Image.Image:
    """H×W×3 in 0..1 as an 8 bit picture."""
    return Image.fromarray(np.round(image * 255).astype(np.uint8), "RGB")


def caption(result: Result) -> str:
    """The measures of a result in one line, or why there are none."""
    if result.error:
        return result.error
    return describe(result.fidelity) if result.fidelity else " ".join(result.notes)


def describe(measured: Fidelity) -> str:
    """Fidelity in one line."""
    psnr = "identical" if measured.psnr is None else f"{measured.psnr:.2f} dB"
    ssim = "" if measured.ssim is None else f" · SSIM {measured.ssim:.4f}"
    return f"{psnr}{ssim} · ΔE {measured.delta_e:.2f}"


def _columns(cells: int, width: int, height: int) -> int:
    """As many columns as make the sheet about as wide as it is high."""
    return max(1, min(cells, round(math.sqrt(cells * height / width))))


def _draw_cell(
    sheet: Image.Image,
    corner: tuple[int, int],
    picture: tuple[int, int],
    size: int,
    room: int,
    name: str,
    below: str,
    image: RgbImage | None,
) -> None:
    x, y = corner
    draw = ImageDraw.Draw(sheet)
    if image is None:
        draw.rectangle((x, y, x + picture[0] - 1, y + picture[1] - 1), outline=FAINT)
    else:
        sheet.paste(to_pil(image), corner)
    y += picture[1] + size // 4
    _draw_fitted(draw, (x, y), name, size, room, INK)
    _draw_fitted(draw, (x, y + round(1.4 * size)), below, round(size * 0.8), room, FAINT)


def _draw_fitted(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int, room: int, colour: tuple[int, int, int]
) -> None:
    """Writes the text, shortened in its middle until it fits."""
    font = _font(size, _is_latin(text))
    shown, kept = text, len(text)
    while kept > 8 and draw.textlength(shown, font=font) > room:
        kept -= 1
        shown = f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"
    draw.text(corner, shown, font=font, fill=colour)


def _is_latin(text: str) -> bool:
    """Whether DejaVu Sans has it all: Latin, Greek, Cyrillic and signs, all below the CJK blocks."""
    return all(ord(character) < 0x2E80 for character in text)


@lru_cache(maxsize=16)
def _font(size: int, latin: bool) -> Font:
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
