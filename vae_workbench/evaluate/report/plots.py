"""Each measure as a picture: what single pictures do, and the mean of all with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ...compare.views.lettering import font_for, wrapped
from ...printable import printable
from ..measuring.measured import MEASURES
from ..summary.statistics import Mean
from ..summary.summary import Summary

WIDTH, ROW, MARGIN, LABELS = 1200, 56, 24, 380
PAPER, INK, FAINT, GRID = (255, 255, 255), (31, 41, 55), (107, 114, 128), (226, 229, 234)
BOX, MEAN = (191, 215, 240), (194, 65, 12)
TEXT, TITLE = 18, 24
TICKS = 6

Range = tuple[float, float]


def plot(summary: Summary, name: str) -> Image.Image:
    """One measure of all VAEs: 5 % to 95 % of the pictures as a line, the middle half as a box, the median across it, and the
    mean as a dot with its interval."""
    rows = [(row.title, row.measures[name]) for row in summary.rows if name in row.measures]
    measure = MEASURES[name]
    top = MARGIN + TITLE + 16
    sheet = Image.new("RGB", (WIDTH, top + ROW * len(rows) + 100), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), measure.heading, INK, font_for(measure.heading, TITLE))
    spread = _range([mean for _, mean in rows])
    _axis(draw, spread, top, top + ROW * len(rows))
    for number, (title, mean) in enumerate(rows):
        middle = top + ROW * number + ROW // 2
        _label(draw, title, middle)
        _mark(draw, mean, spread, middle)
    told = f"{max(mean.count for _, mean in rows):,} pictures. Line: 5 % to 95 % of them; box: middle half, with the median; "
    told += "dot: mean with its 95 % interval."
    draw.text((MARGIN, sheet.height - MARGIN - TEXT), told, FAINT, font_for(told, TEXT - 2))
    return sheet


def measures_of(summary: Summary) -> list[str]:
    """Those that can be drawn."""
    return [name for name in MEASURES if any(name in row.measures for row in summary.rows)]


def _range(means: Sequence[Mean]) -> Range:
    ends = [
        value
        for mean in means
        for value in (*mean.percentiles, mean.mean - (mean.half or 0), mean.mean + (mean.half or 0))
    ]
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low) or abs(low) * 0.01 or 1.0
    return low - room, high + room


def _place(value: float, spread: Range) -> float:
    low, high = spread
    return LABELS + (value - low) / (high - low) * (WIDTH - MARGIN - LABELS)


def _axis(draw: ImageDraw.ImageDraw, spread: Range, top: int, bottom: int) -> None:
    step = _step((spread[1] - spread[0]) / TICKS)
    digits = max(0, -math.floor(math.log10(step)))
    for number in range(math.ceil(spread[0] / step), math.floor(spread[1] / step) + 1):
        x = _place(number * step, spread)
        text = f"{number * step:.{digits}f}"
        font = font_for(text, TEXT)
        draw.line((x, top, x, bottom), GRID)
        draw.text((x - draw.textlength(text, font=font) / 2, bottom + 6), text, FAINT, font)


def _step(about: float) -> float:
    """The next greater of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(about))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= about * (1 - 1e-9))


def _label(draw: ImageDraw.ImageDraw, title: str, middle: int) -> None:
    font = font_for(title, TEXT)
    lines = wrapped(printable(title), font, LABELS - 2 * MARGIN)[:2]
    for number, line in enumerate(lines):
        draw.text((MARGIN, middle + (number - len(lines) / 2) * (TEXT + 4)), line, INK, font)


def _mark(draw: ImageDraw.ImageDraw, mean: Mean, spread: Range, middle: int) -> None:
    low, quarter, median, three_quarters, high = (_place(value, spread) for value in mean.percentiles)
    draw.line((low, middle, high, middle), FAINT, 2)
    draw.rectangle((quarter, middle - 14, three_quarters, middle + 14), BOX, FAINT)
    draw.line((median, middle - 14, median, middle + 14), INK, 2)
    if mean.half is not None:
        left, right = (_place(mean.mean + sign * mean.half, spread) for sign in (-1, 1))
        draw.line((left, middle, right, middle), MEAN, 4)
        for x in (left, right):
            draw.line((x, middle - 8, x, middle + 8), MEAN, 2)
    x = _place(mean.mean, spread)
    draw.ellipse((x - 5, middle - 5, x + 5, middle + 5), MEAN)
