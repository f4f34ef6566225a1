"""Where one picture differs from another, as heat maps with a scale: ΔE2000 and ꟻLIP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..measuring.flip import ErrorMap, flip_map
from ..measuring.measures import RgbImage
from .lettering import font_for, wrapped

MAGMA = ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191))
"""Black over violet and orange to yellow: five colours of matplotlib's magma, between which the viewer goes in lines as well."""

PAPER, INK = (255, 255, 255), (20, 20, 20)

NARROWEST = 240
"""Pixels of width that the scale and its words need."""


def delta_e_map(reference: RgbImage, test: RgbImage) -> ErrorMap:
    """CIEDE2000 difference of each pixel; H×W, 0 for equal colours, about 1 where it is just visible.

    Args:
        reference, test: H×W×3 sRGB in 0..1, of one size.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    return np.asarray(deltaE_ciede2000(rgb2lab(reference), rgb2lab(test)), dtype=np.float32)


@dataclass(frozen=True)
class HeatMap:
    """A kind of heat map.

    Attributes:
        title: of what it shows; fonts lack the letter ꟻ.
        most: the value from which on it is brightest; 0 is black. As in the viewer, so that pictures can be compared.
        values: of two pictures, H×W×3 in 0..1.
    """

    title: str
    most: float
    values: Callable[[RgbImage, RgbImage], ErrorMap]


HEAT_MAPS: Mapping[str, HeatMap] = {
    "diff": HeatMap("ΔE2000", 20.0, delta_e_map),
    "flip": HeatMap("FLIP", 1.0, flip_map),
}
"""Name of the view → what it draws."""


def draw_heat_map(kind: HeatMap, reference: RgbImage, test: RgbImage, caption: str = "") -> Image.Image:
    """The heat map of two pictures at full size, below it what it is and a scale.

    Args:
        kind: of :data:`HEAT_MAPS`.
        reference, test: H×W×3 sRGB in 0..1, of one size.
        caption: what was compared with what.
    """
    values = kind.values(reference, test)
    height, width = values.shape
    size = max(12, min(24, width // 28))
    whole = max(width, NARROWEST)
    told = f"{caption}\n{kind.title}: mean {values.mean():.3g}, highest {values.max():.3g}"
    lines = wrapped(told, font_for(told, size), whole - size)
    step = round(1.5 * size)
    sheet = Image.new("RGB", (whole, height + (len(lines) + 1) * step + size // 2), PAPER)
    sheet.paste(Image.fromarray(coloured(values, kind.most), "RGB"), (0, 0))
    draw, top = ImageDraw.Draw(sheet), height + size // 3
    for number, line in enumerate(lines):
        draw.text((size // 2, top + number * step), line, font=font_for(told, size), fill=INK)
    _draw_scale(sheet, (size // 2, top + len(lines) * step), size, kind.most)
    return sheet


def coloured(values: ErrorMap, most: float) -> NDArray[np.uint8]:
    """H×W from 0 to ``most`` as H×W×3 colours; what is above is as bright as can be."""
    places = np.clip(values / most, 0, 1) * (len(MAGMA) - 1)
    channels = [np.interp(places, range(len(MAGMA)), channel) for channel in zip(*MAGMA, strict=True)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _draw_scale(sheet: Image.Image, corner: tuple[int, int], size: int, most: float) -> None:
    x, y = corner
    draw, font = ImageDraw.Draw(sheet), font_for("0", size)
    length = sheet.width // 2
    scale = np.linspace(0, most, length, dtype=np.float32)[None].repeat(size, 0)
    draw.text(corner, "0", font=font, fill=INK)
    sheet.paste(Image.fromarray(coloured(scale, most), "RGB"), (x + size, y + size // 8))
    last = f"{most:g}" if most == 1 else f"{most:g} and more"  # FLIP ends at 1
    draw.text((x + length + 2 * size - size // 2, y), last, font=font, fill=INK)
