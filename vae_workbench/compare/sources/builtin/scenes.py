"""Foliage, night, skin, gradients, text and colours: pictures that show what a VAE does to each of them."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .canvas import FINE, SIDE, Canvas, Colour, Point, curve, ellipse, rgb, vertical

LEAVES = (
    (rgb("#24401f"), rgb("#183018")),
    (rgb("#3c6b2a"), rgb("#24481e")),
    (rgb("#6a9a35"), rgb("#3b6a26")),
    (rgb("#b5cf58"), rgb("#6f9a33")),
)
"""From the shade at the back to the light at the front, the lit and the dark end of a leaf."""

Numbers = npt.NDArray[np.float64]

SKINS = tuple(rgb(text) for text in ("#ffe4d0", "#f3c7a5", "#dca67f", "#b97d55", "#8a5637", "#55321f"))
"""From very light to very dark."""


def foliage() -> Image.Image:
    """512×512: 2,400 leaves with veins, from shade to sunlight, with gaps of sky."""
    rng = np.random.default_rng(11)
    canvas = Canvas(vertical([rgb("#cfe6f2"), rgb("#5f7d4a"), rgb("#1c2c17"), rgb("#101a0e")], (SIDE, SIDE)))
    for depth, (lit, dark) in enumerate(LEAVES):
        for _ in range((700, 800, 620, 300)[depth]):
            x, y = rng.uniform(-10, SIDE + 10), SIDE + 10 - (SIDE - 20 * depth) * rng.random() ** 1.4
            tone = rng.uniform(0.8, 1.2)
            colours = [
                (round(min(255, r * tone)), round(min(255, g * tone)), round(b * tone * 0.9)) for r, g, b in (lit, dark)
            ]
            _leaf(canvas, (x, y), rng.uniform(9, 17 + 7 * depth), rng.uniform(0, 2 * np.pi), colours)
    for _ in range(60):
        canvas.fill(ellipse(rng.uniform(0, SIDE), rng.uniform(0, SIDE), 4, 4), rgb("#fdffe2"), opacity=0.5, blur=2.5)
    return canvas.finished()


def _leaf(canvas: Canvas, stem: Point, length: float, angle: float, colours: list[Colour]) -> None:
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])

    def at(forward: float, sideways: float) -> Point:
        x, y = np.asarray(stem) + along * forward * length + across * sideways * length
        return float(x), float(y)

    outline = [at(0, 0), at(0.3, 0.24), at(0.65, 0.2), at(1, 0), at(0.65, -0.2), at(0.3, -0.24)]
    canvas.fill(curve(outline, closed=True, steps=5), colours)
    canvas.fill(curve([at(0, 0), at(0.3, 0.24), at(0.65, 0.2), at(1, 0)], steps=5), colours[1], opacity=0.35)
    if length > 12:
        canvas.stroke([at(-0.1, 0), at(0.5, 0.01), at(0.95, 0)], 0.8, colours[0], opacity=0.8)
        for forward in (0.25, 0.45, 0.65):
            for side in (0.16, -0.16):
                canvas.stroke(
                    [at(forward, 0), at(forward + 0.08, side / 2), at(forward + 0.16, side)],
                    0.5,
                    colours[0],
                    opacity=0.6,
                )


def night() -> Image.Image:
    """512×512: a town by water under stars. Nearly black areas, thin lights, glow, saturated signs."""
    rng = np.random.default_rng(13)
    canvas = Canvas(
        vertical(
            [rgb("#03040a"), rgb("#070b1c"), rgb("#141a38"), rgb("#2d2440"), rgb("#0a0d1a"), rgb("#020308")],
            (SIDE, SIDE),
        )
    )
    for _ in range(260):
        size = rng.choice([0.35, 0.5, 0.8, 1.3], p=[0.5, 0.3, 0.15, 0.05])
        canvas.fill(
            ellipse(rng.uniform(0, SIDE), rng.uniform(0, 280), size, size), rgb("#e8ecff"), opacity=rng.uniform(0.3, 1)
        )
    canvas.fill(ellipse(404, 78, 60, 60), rgb("#c9d4ff"), opacity=0.25, blur=22)
    canvas.fill(ellipse(404, 78, 26, 26), (rgb("#fffbe8"), rgb("#dcdccf")))
    for x, y, size in ((398.0, 70.0, 5.0), (412, 84, 3.5), (402, 90, 2.5)):
        canvas.fill(ellipse(x, y, size, size * 0.9), rgb("#c3c3b8"), opacity=0.6, blur=1)
    _town(canvas, rng)
    mirror = canvas.sheet.crop((0, 100 * FINE, SIDE * FINE, 336 * FINE)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    water = (
        mirror.resize((SIDE * FINE, 176 * FINE))
        .filter(ImageFilter.BoxBlur(1.5 * FINE))
        .point(lambda value: round(value * 0.55))
    )
    canvas.sheet.paste(water, (0, 336 * FINE))
    for _ in range(240):
        x, y, width = rng.uniform(0, SIDE), rng.uniform(338, SIDE), rng.uniform(4, 40)
        canvas.stroke(
            [(x, y), (x + width / 2, y + 0.4), (x + width, y)], rng.uniform(0.4, 1.4), rgb("#02030a"), opacity=0.7
        )
    return canvas.finished()


def _town(canvas: Canvas, rng: np.random.Generator) -> None:
    x = -6.0
    while x < SIDE:
        width, height = rng.uniform(22, 58), rng.uniform(50, 190)
        top, tone = 336 - height, rgb("#0b0e1c") if rng.random() < 0.5 else rgb("#10142a")
        canvas.fill([(x, top), (x + width, top), (x + width, 336), (x, 336)], tone)
        for row in np.arange(top + 6, 330, 8):
            for column in np.arange(x + 4, x + width - 5, 7):
                if rng.random() < 0.34:
                    light = rgb(("#ffd98a", "#ffb14a", "#cfe8ff", "#fff3cf")[int(rng.integers(4))])
                    canvas.fill(
                        [(column, row), (column + 3, row), (column + 3, row + 4), (column, row + 4)],
                        light,
                        opacity=rng.uniform(0.4, 1),
                    )
        x += width + rng.uniform(0, 3)
    for x, y, colour in ((92.0, 250.0, "#ff2d6f"), (230, 226, "#19e3ff"), (352, 268, "#7dff3a"), (452, 240, "#ff5a1f")):
        canvas.fill(ellipse(x, y, 34, 26), rgb(colour), opacity=0.45, blur=12)
        canvas.stroke(
            curve([(x - 16, y + 4), (x - 8, y - 8), (x, y + 6), (x + 8, y - 8), (x + 16, y + 4)]),
            2.4,
            rgb(colour),
            taper=(1, 1),
        )
        canvas.stroke(
            curve([(x - 16, y + 4), (x - 8, y - 8), (x, y + 6), (x + 8, y - 8), (x + 16, y + 4)]),
            0.8,
            rgb("#ffffff"),
            taper=(1, 1),
        )


def skin() -> Image.Image:
    """512×512: six skin tones as lit spheres with pores, freckles and fine hairs, on warm and cool grounds."""
    rng = np.random.default_rng(17)
    canvas = Canvas(vertical([rgb("#c9bfb6"), rgb("#7d8794")], (SIDE, SIDE)))
    for index, tone in enumerate(SKINS):
        x, y = 96 + 160 * (index % 3), 138 + 240 * (index // 3)
        _cheek(canvas, (float(x), float(y)), tone, rng)
    picture = np.asarray(canvas.finished(), np.float32)
    pores = Image.fromarray(rng.normal(128, 40, (SIDE, SIDE)).clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.8)
    )
    grain = (np.asarray(pores, np.float32)[..., None] - 128) * 0.16
    return Image.fromarray((picture + grain).clip(0, 255).astype(np.uint8))


def _cheek(canvas: Canvas, centre: Point, tone: Colour, rng: np.random.Generator) -> None:
    x, y = centre

    def scaled(by: float, red: float = 1) -> Colour:
        return round(min(255, tone[0] * by * red)), round(min(255, tone[1] * by)), round(min(255, tone[2] * by))

    face = canvas.fill(
        curve(
            [
                (x, y - 104),
                (x + 66, y - 62),
                (x + 68, y + 30),
                (x + 30, y + 96),
                (x - 30, y + 96),
                (x - 68, y + 30),
                (x - 66, y - 62),
            ],
            closed=True,
        ),
        (scaled(1.02), tone, scaled(0.86)),
    )
    canvas.fill(ellipse(x + 58, y + 30, 40, 96), scaled(0.52, 1.05), opacity=0.75, blur=18, within=face)
    canvas.fill(ellipse(x - 26, y - 46, 26, 24), scaled(1.22), opacity=0.7, blur=11, within=face)
    canvas.fill(ellipse(x - 24, y + 14, 24, 17), scaled(0.95, 1.14), opacity=0.6, blur=9, within=face)
    canvas.stroke(
        curve([(x + 12, y - 34), (x + 17, y + 4), (x + 21, y + 24), (x + 9, y + 32)]),
        5,
        scaled(0.74, 1.04),
        taper=(0, 0.4),
        opacity=0.6,
    )
    lips = canvas.fill(
        curve(
            [(x - 22, y + 58), (x - 6, y + 52), (x + 2, y + 55), (x + 10, y + 52), (x + 28, y + 58), (x + 4, y + 70)],
            closed=True,
        ),
        (scaled(0.72, 1.12), scaled(0.86, 1.16)),
        blur=0.6,
    )
    canvas.stroke(curve([(x - 22, y + 58), (x + 2, y + 60), (x + 28, y + 58)]), 1.3, scaled(0.4), within=lips)
    canvas.fill(ellipse(x + 4, y + 64, 7, 1.6), scaled(1.3), opacity=0.6, blur=1)
    for _ in range(26):
        canvas.fill(
            ellipse(x + rng.normal(-16, 24), y + rng.normal(4, 16), 0.9, 0.9),
            scaled(0.62, 1.05),
            opacity=0.7,
            blur=0.4,
            within=face,
        )
    for step in range(34):  # eyebrow
        start = (x - 46 + step * 1.3, y - 30 - 7 * np.sin(step / 33 * np.pi))
        canvas.stroke(
            [start, (start[0] + 4, start[1] - 3), (start[0] + 9, start[1] - 4)], 0.9, scaled(0.3), taper=(1, 0)
        )


def gradients() -> Image.Image:
    """512×512: skies, a wheel of hues and soft ramps down to black: bands, stains and colour casts show here first."""
    rows = np.linspace(0, 1, 128)[:, None]
    across = np.linspace(0, 1, SIDE)[None, :]

    def sheet(*corners: str) -> Numbers:
        a, b, c, d = (np.asarray(rgb(text), float) for text in corners)
        top, bottom = a + (b - a) * across[..., None], c + (d - c) * across[..., None]
        return np.asarray(top + (bottom - top) * rows[..., None])

    strips = [
        sheet("#0b2a6b", "#f08a5a", "#3f7fd0", "#ffe6b0"),
        _hues(rows, across),
        sheet("#000000", "#ffffff", "#000000", "#ffffff"),
        np.where(
            rows[..., None] < 0.5,
            sheet("#000000", "#404040", "#000000", "#404040"),
            sheet("#c0c0c0", "#ffffff", "#c0c0c0", "#ffffff"),
        ),
    ]
    return Image.fromarray(np.vstack(strips).round().astype(np.uint8))


def _hues(rows: Numbers, across: Numbers) -> Numbers:
    hue = (across * 6 + np.array([5, 3, 1])[:, None, None]) % 6
    pure = 1 - np.minimum(np.minimum(hue, 4 - hue).clip(0, 1), 1)
    grey = 0.5 + (pure - 0.5) * (1 - rows)
    return np.asarray(np.moveaxis(grey, 0, 2) * 255)


def text() -> Image.Image:
    """512×512: letters from 8 to 44 pixels on light, dark and coloured ground, and a page of small print."""
    sheet = Image.new("RGB", (SIDE, SIDE), rgb("#f6f2e8"))
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((0, 176, SIDE, 344), fill=rgb("#15181f"))
    pen.rectangle((256, 344, SIDE, SIDE), fill=rgb("#c8322e"))
    pen.text((18, 8), "Variational Autoencoder", rgb("#202020"), _font(38))
    y = 60
    for size in (26, 20, 16, 13, 11, 9, 8):
        pen.text((18, y), "The quick brown fox jumps over 13 lazy dogs.", rgb("#202020"), _font(size))
        y += round(size * 1.3)
    for row, (size, ink) in enumerate(
        ((30, "#ffd34d"), (22, "#9fe0ff"), (16, "#ffffff"), (12, "#8d8d8d"), (10, "#ff7a7a"))
    ):
        pen.text(
            (18, (184, 224, 256, 282, 302)[row]), "OPEN 24 H · No. 0123456789 · latent 4×64×64", rgb(ink), _font(size)
        )
    for line in range(15):
        words = "lines of small print are lost first when a latent is an eighth of the picture"
        pen.text((14, 352 + line * 10.4), words[line % 9 :][:56], rgb("#303030"), _font(8))
    pen.text((276, 366), "EXIT", rgb("#ffffff"), _font(56))
    pen.text((278, 446), "Fire door keep shut", rgb("#ffe9c7"), _font(20))
    pen.text((278, 474), "Notausgang · Sortie de secours", rgb("#ffffff"), _font(12))
    return sheet


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu, which comes with matplotlib wherever gradio is; else what Pillow brings."""
    found = importlib.util.find_spec("matplotlib")
    if found and found.origin:
        file = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default()


def colours() -> Image.Image:
    """512×512: a chart of 8×8 plain colours, hues across, from light to dark, with a row of greys."""
    squares = np.zeros((8, 8, 3))
    for row in range(7):
        for column in range(8):
            hue = (column * 0.75 + np.array([5, 3, 1])) % 6
            pure = 1 - np.minimum(np.minimum(hue, 4 - hue), 1).clip(0, 1)
            lightness = (0.92, 0.8, 0.65, 0.5, 0.38, 0.25, 0.12)[row]
            chroma = (0.25, 0.6, 1.0, 1.0, 1.0, 1.0, 0.8)[row] * (1 - abs(2 * lightness - 1))
            squares[row, column] = lightness + (pure - 0.5) * chroma
    squares[7] = np.linspace(0, 1, 8)[:, None]
    return Image.fromarray((squares.clip(0, 1) * 255).round().astype(np.uint8)).resize(
        (SIDE, SIDE), Image.Resampling.NEAREST
    )
