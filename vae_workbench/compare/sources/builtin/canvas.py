"""A sheet to draw on with smooth curves: four times as fine as the picture that comes of it, so that edges are clean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE = 512
"""Width and height of every built-in picture, in pixels."""

FINE = 4
"""Points of the sheet to a pixel, each way."""

Point = tuple[float, float]
Colour = tuple[int, int, int]


def rgb(text: str) -> Colour:
    """``"#e8a0b0"`` as three numbers in 0..255."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def curve(points: Sequence[Point], *, closed: bool = False, steps: int = 16) -> list[Point]:
    """A smooth line through all points (centripetal ends repeated): Catmull and Rom's spline, ``steps`` to a piece."""
    knots = np.asarray(points, float)
    around = np.vstack([knots[-1:], knots, knots[:2]] if closed else [knots[:1], knots, knots[-1:]])
    pieces = len(knots) if closed else len(knots) - 1
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    made = []
    for index in range(pieces):
        a, b, c, d = around[index : index + 4]
        made.append(b + (c - a) * t / 2 + (2 * a - 5 * b + 4 * c - d) * t**2 / 2 + (3 * (b - c) + d - a) * t**3 / 2)
    line = np.vstack([*made, knots[:1] if closed else knots[-1:]])
    return [(float(x), float(y)) for x, y in line]


def mirrored(points: Sequence[Point], axis: float) -> list[Point]:
    """The same points on the other side of the vertical line ``x = axis``."""
    return [(2 * axis - x, y) for x, y in points]


def ellipse(x: float, y: float, width: float, height: float) -> list[Point]:
    """An ellipse around ``x``, ``y`` with these half axes."""
    angles = np.linspace(0, 2 * np.pi, 96)
    return [(float(x + width * np.cos(angle)), float(y + height * np.sin(angle))) for angle in angles]


@dataclass(frozen=True)
class Mask:
    """What of a sheet is meant: 0 (not at all) to 255, within a box. Boxes are small, sheets are large.

    Attributes:
        image: the values, mode L.
        box: left, top, right, bottom in points of the sheet.
    """

    image: Image.Image
    box: tuple[int, int, int, int]

    def within(self, other: Mask) -> Mask:
        """What of it lies in ``other``, too."""
        left, top = self.box[:2]
        window = Image.new("L", self.image.size)
        window.paste(other.image, (other.box[0] - left, other.box[1] - top))
        return Mask(ImageChops.multiply(self.image, window), self.box)


class Canvas:
    """Positions and widths are in pixels of the finished picture, with the origin at the top left."""

    def __init__(self, ground: Image.Image) -> None:
        self.sheet = ground.resize((SIDE * FINE, SIDE * FINE), Image.Resampling.BICUBIC).convert("RGB")

    def mask(self, points: Sequence[Point], blur: float = 0) -> Mask:
        """What lies inside a closed line, with an edge as soft as ``blur`` pixels."""
        corners = np.asarray(points, float) * FINE
        margin = 3 * blur * FINE + 1
        low, high = np.floor(corners.min(0) - margin), np.ceil(corners.max(0) + margin)
        left, top, right, bottom = (int(value) for value in (*np.clip(low, 0, None), *np.clip(high, 1, SIDE * FINE)))
        box = min(left, right - 1), min(top, bottom - 1), right, bottom
        image = Image.new("L", (box[2] - box[0], box[3] - box[1]))
        ImageDraw.Draw(image).polygon([(x - box[0], y - box[1]) for x, y in corners.tolist()], fill=255)
        return Mask(softened(image, blur), box)

    def fill(
        self,
        points: Sequence[Point],
        colours: Sequence[Colour] | Colour,
        *,
        opacity: float = 1,
        blur: float = 0,
        within: Mask | None = None,
    ) -> Mask:
        """Fills a closed line with a colour, or with several from top to bottom; gives the mask of what was filled."""
        mask = self.mask(points, blur)
        part = (mask.within(within) if within else mask).image.point(lambda value: round(value * opacity))
        self.sheet.paste(vertical(colours, part.size), mask.box[:2], part)
        return mask

    def stroke(
        self,
        points: Sequence[Point],
        width: float,
        colour: Colour,
        *,
        taper: tuple[float, float] = (0, 0),
        opacity: float = 1,
        within: Mask | None = None,
    ) -> None:
        """A line as drawn with a soft pen: ``taper`` gives the width at both ends as a part of ``width``."""
        line = np.asarray(points, float)
        along = np.linspace(0, 1, len(line))
        swell = np.sin(np.pi * along) ** 0.6
        ends = taper[0] + (taper[1] - taper[0]) * along
        half = width / 2 * (ends + (1 - ends) * swell)
        direction = np.gradient(line, axis=0)
        normal = np.stack([-direction[:, 1], direction[:, 0]], 1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        outline = np.vstack([line + normal * half[:, None], (line - normal * half[:, None])[::-1]])
        self.fill([(float(x), float(y)) for x, y in outline], colour, opacity=opacity, within=within)

    def finished(self) -> Image.Image:
        """The picture, :data:`SIDE` pixels each way."""
        return self.sheet.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def softened(mask: Image.Image, blur: float) -> Image.Image:
    """A mask with soft edges. A wide blur is made on a small copy: the same to the eye and a hundred times as fast."""
    if not blur:
        return mask
    small = max(1, round(blur * FINE / 8))
    reduced = mask.resize((max(1, mask.width // small), max(1, mask.height // small)), Image.Resampling.BOX)
    soft = reduced.filter(ImageFilter.GaussianBlur(blur * FINE / small))
    return soft.resize(mask.size, Image.Resampling.BILINEAR)


def vertical(colours: Sequence[Colour] | Colour, size: tuple[int, int]) -> Image.Image:
    """One colour, or several from top to bottom and blended in between."""
    stops = np.atleast_2d(np.asarray(colours, float))
    place = np.linspace(0, len(stops) - 1, size[1])
    column = np.stack([np.interp(place, np.arange(len(stops)), stops[:, c]) for c in range(3)], 1)
    return Image.fromarray(column.round().astype(np.uint8)[:, None]).resize(size, Image.Resampling.NEAREST)
