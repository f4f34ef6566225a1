"""A source's latents, and what is left of it after rounds of encoding and decoding, each as one labelled picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ...errors import InvalidInput
from ..folder.comparison_json import View
from ..folder.folder import ComparisonFolder
from ..sources.picture import as_image, load_picture, to_pil
from .lettering import font_for, wrapped

PAPER, INK, FAINT = (255, 255, 255), (20, 20, 20), (190, 190, 190)

COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0))
"""Of curves: the palette of Okabe and Ito, which colour-blind people tell apart too."""

SIDE, TEXT, GAP, CURVE = 224, 14, 12, 240
"""Longest side of a picture in a strip, height of letters, space between, and height of the curves, in pixels."""


@dataclass(frozen=True)
class Strip:
    """Pictures in a row.

    Attributes:
        title: above them.
        pictures: each with what is said below it.
        colour: of the title.
    """

    title: str
    pictures: Sequence[tuple[str, Image.Image]]
    colour: tuple[int, int, int] = INK


def latent_sheet(folder: ComparisonFolder, source: str) -> Image.Image | None:
    """The latents of a source, a strip for each encoder: the preview in colours, then the channels in one common range of greys.

    Returns:
        ``None`` where there are none.
    """
    strips = [_latent(folder, view) for view in folder.latents if view["source"] == source and not view["error"]]
    return _drawn(strips) if strips else None


def loss_sheet(folder: ComparisonFolder, source: str) -> Image.Image | None:
    """The loss of a source, a strip of rounds for each pair of encoder and decoder, below the curves of their PSNR.

    Returns:
        ``None`` where there is none.
    """
    views = [view for view in folder.losses if view["source"] == source and view["rounds"]]
    if not views:
        return None
    coloured = [(view, COLOURS[number % len(COLOURS)]) for number, view in enumerate(views)]
    strips = [_loss(folder, view, colour) for view, colour in coloured]
    return _drawn(strips, lambda width: _curves([(view["rounds"], colour) for view, colour in coloured], width))


SHEETS: Mapping[str, Callable[[ComparisonFolder, str], Image.Image | None]] = {
    "latent": latent_sheet,
    "loss": loss_sheet,
}
"""Name of the view → what draws it of one source."""


def _latent(folder: ComparisonFolder, view: View) -> Strip:
    maker = view["encoder_name"] or "its own latent"
    size = f"{view['width']}×{view['height']}×{view['channels']}"
    pictures = [("latent → RGB", _opened(folder, view["preview"]))]
    for number, (name, told) in enumerate(zip(view["channels_images"], view["statistics"], strict=True), 1):
        spread = "" if told["mean"] is None else f": {told['mean']:.2f} ± {told['std']:.2f}"
        pictures.append((f"{number}{spread}", _opened(folder, name)))
    return Strip(f"{maker}, {size}, black {view['low']:g}, white {view['high']:g}", pictures)


def _loss(folder: ComparisonFolder, view: View, colour: tuple[int, int, int]) -> Strip:
    names = " → ".join(dict.fromkeys((view["encoder_name"], view["decoder_name"])))
    pictures = []
    for step in view["rounds"]:
        psnr = "identical" if step["psnr"] is None else f"{step['psnr']:.1f} dB"
        pictures.append((f"{step['round']}: {psnr}", _opened(folder, step["image"])))
    return Strip(names, pictures, colour)


def _opened(folder: ComparisonFolder, name: str) -> Image.Image:
    """A picture of the folder, scaled to :data:`SIDE`: latents by whole pixels, others smoothly; grey if it was taken away."""
    try:
        picture = to_pil(as_image(load_picture(folder.path / name, longest_side=0).pixels))
    except InvalidInput:
        return Image.new("RGB", (SIDE, SIDE), FAINT)
    factor = SIDE / max(picture.size)
    if factor >= 1:
        whole = math.floor(factor)
        return picture.resize((picture.width * whole, picture.height * whole), Image.Resampling.NEAREST)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return picture


def _drawn(strips: Sequence[Strip], above: Callable[[int], Image.Image] | None = None) -> Image.Image:
    """The strips below each other, and what is ``above`` them for their width."""
    cell = max([2 * SIDE // 3, *(picture.width for strip in strips for _, picture in strip.pictures)]) + GAP
    width = GAP + cell * max(len(strip.pictures) for strip in strips)
    parts = [_strip(strip, cell, width) for strip in strips]
    if above:
        parts.insert(0, above(width))
    sheet = Image.new("RGB", (width, sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def _strip(strip: Strip, cell: int, width: int) -> Image.Image:
    step = round(1.5 * TEXT)
    lines = wrapped(strip.title, font_for(strip.title, TEXT), width - 2 * GAP)
    height = max(picture.height for _, picture in strip.pictures)
    top = GAP + len(lines) * step
    made = Image.new("RGB", (width, top + height + 2 * step), PAPER)
    draw = ImageDraw.Draw(made)
    for number, line in enumerate(lines):
        draw.text((GAP, GAP + number * step), line, font=font_for(strip.title, TEXT), fill=strip.colour)
    for number, (told, picture) in enumerate(strip.pictures):
        made.paste(picture, (GAP + number * cell, top))
        draw.text((GAP + number * cell, top + height + 2), told, font=font_for(told, TEXT), fill=INK)
    return made


def _curves(losses: Sequence[tuple[Sequence[View], tuple[int, int, int]]], width: int) -> Image.Image:
    """PSNR in dB from round to round, a curve each; rounds without loss are at the top."""
    known = [step["psnr"] for rounds, _ in losses for step in rounds if step["psnr"] is not None] or [0.0]
    low, high = math.floor(min(known)) - 1, math.ceil(max(known)) + 1
    last = max(len(rounds) for rounds, _ in losses)
    made = Image.new("RGB", (width, CURVE), PAPER)
    draw, font = ImageDraw.Draw(made), font_for("0", TEXT)
    left, right, top, bottom = 5 * TEXT, width - 2 * GAP, GAP + TEXT, CURVE - 2 * TEXT

    def place(number: int, psnr: float | None) -> tuple[float, float]:
        share = 1.0 if psnr is None else (psnr - low) / (high - low)
        return left + (right - left) * (number - 1) / max(1, last - 1), bottom - (bottom - top) * share

    for level in sorted({low, (low + high) // 2, high}):
        y = place(1, level)[1]
        draw.line((left, y, right, y), fill=FAINT)
        draw.text((GAP, y - TEXT / 2), f"{level} dB", font=font, fill=INK)
    for number in sorted({1, (1 + last) // 2, last}):
        draw.text((place(number, low)[0] - TEXT / 4, bottom + 4), str(number), font=font, fill=INK)
    for rounds, colour in losses:
        points = [place(step["round"], step["psnr"]) for step in rounds]
        draw.line(points, fill=colour, width=3)
        for x, y in points:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)
    return made
