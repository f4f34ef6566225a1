"""Activation maxima by stage as a picture: one bar for each stage, logarithmic, with a line where the format ends."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from .check import HalfCheck

ROW, LABELS, BARS, MARGIN = 14, 190, 360, 12
LOWEST, HIGHEST = -4, 20
"""Powers of two at the ends of a bar's way; what lies beyond is cut off."""

PAPER, INK, GRID, FITS, OVERFLOWS = (255, 255, 255), (30, 30, 30), (215, 215, 215), (92, 138, 190), (205, 70, 60)


def draw_chart(checks: Sequence[HalfCheck], limit: float) -> Image.Image:
    """The stages of all checks below one another, those that overflow in red.

    Args:
        checks: of one VAE.
        limit: the largest number of the format.
    """
    rows = [stage for check in checks for stage in check.stages]
    height = 2 * MARGIN + (len(rows) + 2) * ROW
    picture = Image.new("RGB", (LABELS + BARS + 2 * MARGIN + 60, height), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default()
    for power in range(LOWEST, HIGHEST + 1, 4):
        x = _place(2.0**power)
        draw.line((x, MARGIN + ROW, x, height - MARGIN - ROW), fill=GRID)
        draw.text((x - 8, MARGIN), f"2^{power}", font=font, fill=INK)
    for number, stage in enumerate(rows, start=1):
        y = MARGIN + number * ROW
        draw.text((MARGIN, y + 1), stage.name, font=font, fill=INK)
        end = _place(stage.maximum)
        draw.rectangle((_place(0), y + 3, end, y + ROW - 3), fill=FITS if stage.headroom >= 1 else OVERFLOWS)
        draw.text((end + 4, y + 1), f"{stage.maximum:.3g}", font=font, fill=INK)
    x = _place(limit)
    draw.line((x, MARGIN + ROW, x, height - MARGIN - ROW), fill=OVERFLOWS)
    draw.text((x - 30, height - MARGIN - ROW + 2), f"limit {limit:.6g}", font=font, fill=OVERFLOWS)
    return picture


def share(value: float) -> float:
    """How much of a bar's way a value takes, 0..1."""
    power = math.log2(value) if 0 < value < math.inf else (LOWEST if value <= 0 else HIGHEST)
    return (min(max(power, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)


def _place(value: float) -> int:
    """The x of a value."""
    return MARGIN + LABELS + round(share(value) * BARS)
