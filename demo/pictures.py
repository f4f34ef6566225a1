"""The pictures the demo VAE learns from: photos out of the scikit-image wheel, drawings by code, and crops of both.

Everything here is a function of its random generator, so a seed gives the same crops again. Pictures are uint8 arrays
H×W×3; crops are uint8 tensors N×3×S×S.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

from vae_workbench.compare.sources.builtin.pictures import BUILT_IN

Picture = npt.NDArray[np.uint8]
Draw = Callable[[np.random.Generator], Image.Image]

HELD_OUT = ("coffee.png", "chelsea.png", "rocket.jpg")
"""Never trained on: what the figures are measured on."""

PHOTOS = {
    "astronaut.png": 4,
    "motorcycle_left.png": 4,
    "motorcycle_right.png": 3,
    "ihc.png": 2,
    "hubble_deep_field.jpg": 2,
    "retina.jpg": 2,
    "camera.png": 3,
    "coins.png": 2,
    "brick.png": 1,
    "grass.png": 1,
    "gravel.png": 1,
    "moon.png": 1,
    "cell.png": 1,
    "clock_motion.png": 1,
    "color.png": 1,
    "logo.png": 1,
    "text.png": 1,
    "page.png": 1,
    "horse.png": 1,
}
"""The photos trained on, and how often each is drawn beside the others."""

MORE_PHOTOS_TIMES = 5
"""How often a photo of a folder that was given is drawn beside them: it is a picture of the world, as few of them are."""

SIDE = 512
"""Side of a drawn picture, in pixels."""


def photo(name: str) -> Picture:
    """A photo of the scikit-image wheel."""
    return opened(Path(skimage.__file__).parent / "data" / name)


def opened(path: Path) -> Picture:
    """A picture file as RGB; transparency is laid over white."""
    with Image.open(path) as file:
        rgba = file.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


# --- pictures by code -------------------------------------------------------------------------------------------------


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """A random colour; muted ones are more frequent than pure ones, as in photos."""
    grey, mix = rng.uniform(0, 255), rng.beta(1.2, 1.6)
    red, green, blue = (int(grey + mix * (rng.uniform(0, 255) - grey)) for _ in range(3))
    return red, green, blue


def gradient(rng: np.random.Generator) -> Image.Image:
    """Few random colours, blown up smoothly."""
    cells = int(rng.integers(2, 6))
    seed = np.array([[colour(rng) for _ in range(cells)] for _ in range(cells)], np.uint8)
    return Image.fromarray(seed).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def charts(rng: np.random.Generator) -> Image.Image:
    """Colour charts of 8×8 random patches, each 64 or 128 pixels wide, hard or bicubic."""
    side = int(rng.choice([64, 128]))
    sheet = Image.new("RGB", (SIDE, SIDE))
    for top in range(0, SIDE, side):
        for left in range(0, SIDE, side):
            patches = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            how = Image.Resampling.NEAREST if rng.random() < 0.3 else Image.Resampling.BICUBIC
            sheet.paste(patches.resize((side, side), how), (left, top))
    return sheet


def cloud(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Noise whose amplitude falls as 1/f^a, a in 0.8..2, as photos have it: SIDE×SIDE×3, mean 0, deviation 1."""
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    f[0, 0] = 1
    falling = f ** -rng.uniform(0.8, 2.0)
    planes = [np.fft.irfft2(np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) * falling) for _ in range(3)]
    planes = [(plane - plane.mean()) / plane.std() for plane in planes]
    shared = rng.uniform(0.5, 1)  # channels of photos rise and fall together
    mixed = [shared * planes[0] + (1 - shared) * plane for plane in planes]
    return np.stack(mixed, 2).astype(np.float32)


def noise(rng: np.random.Generator) -> Image.Image:
    """1/f noise around a random colour."""
    picture = np.array(colour(rng)) + cloud(rng) * rng.uniform(15, 70)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def outline(rng: np.random.Generator, centre: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    """Corners of a random star-shaped polygon, or of an ellipse."""
    corners = int(rng.choice([3, 4, 5, 8, 40]))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners < 40 else np.linspace(0, 2 * np.pi, corners)
    reach = radius * (rng.uniform(0.5, 1, corners) if corners < 40 else np.ones(corners))
    flat, turn = rng.uniform(0.3, 1), rng.uniform(0, np.pi)
    x, y = reach * np.cos(angles), flat * reach * np.sin(angles)
    turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    return [(centre[0] + dx, centre[1] + dy) for dx, dy in turned.tolist()]


def leaves(rng: np.random.Generator) -> Image.Image:
    """Dead leaves: textured shapes over one another, sizes by a power law. The statistics of edges in photos."""
    sheet, scale = gradient(rng), 2
    sheet = sheet.resize((SIDE * scale, SIDE * scale))
    textures = [noise(rng).resize(sheet.size) for _ in range(3)]
    for _ in range(int(rng.integers(60, 400))):
        radius = min(8 * (1 - rng.random()) ** -0.7, 250) * scale
        centre = (rng.uniform(0, sheet.width), rng.uniform(0, sheet.height))
        mask = Image.new("L", sheet.size)
        corners = outline(rng, centre, radius)
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        box = mask.getbbox()
        if box is None:
            continue
        fill: Image.Image | tuple[int, int, int] = colour(rng)
        if rng.random() < 0.4:
            fill = Image.blend(
                textures[int(rng.integers(3))].crop(box), Image.new("RGB", sheet.crop(box).size, fill), 0.6
            )
        sheet.paste(fill, box, mask.crop(box))
    return sheet.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def strokes(rng: np.random.Generator) -> Image.Image:
    """Lines, curves and text of several sizes on a quiet ground: drawings, signs, eyelashes."""
    scale = 2
    sheet = gradient(rng).resize((SIDE * scale, SIDE * scale))
    pen = ImageDraw.Draw(sheet)
    for _ in range(int(rng.integers(30, 120))):
        start = rng.uniform(0, SIDE * scale, 2)
        bends = start + np.cumsum(rng.normal(0, rng.uniform(5, 80) * scale, (int(rng.integers(1, 6)), 2)), 0)
        points = [tuple(point) for point in np.vstack([start, bends]).tolist()]
        pen.line(points, colour(rng), width=int(rng.integers(1, 7)) * scale, joint="curve")
    for _ in range(int(rng.integers(10, 40))):
        letters = "".join(chr(code) for code in rng.integers(33, 127, int(rng.integers(3, 20))))
        font = ImageFont.load_default(int(rng.integers(9, 60)) * scale)
        pen.text(tuple(rng.uniform(-50, SIDE * scale, 2).tolist()), letters, colour(rng), font)
    return sheet.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def scene(rng: np.random.Generator) -> Image.Image:
    """Dead leaves with a soft far half, light falling across, and a little grain: nearer to a photo than its parts."""
    near, far = leaves(rng), leaves(rng).filter(ImageFilter.GaussianBlur(rng.uniform(1, 5)))
    depth = gradient(rng).convert("L").point(lambda value: 255 * (value > 128))
    mixed = np.asarray(Image.composite(near, far, depth), np.float32)
    light = np.asarray(gradient(rng).convert("L"), np.float32)[..., None] / 255 * rng.uniform(0.3, 1) + 0.5
    grain = rng.normal(0, rng.uniform(0, 6), (SIDE, SIDE, 1))
    return Image.fromarray((mixed * light + cloud(rng) * rng.uniform(0, 12) + grain).clip(0, 255).astype(np.uint8))


DRAWINGS: dict[Draw, int] = {leaves: 1, scene: 2, strokes: 2, noise: 1, charts: 2, gradient: 1}
"""The pictures by code, and how often each is drawn beside the others."""


def drawings(count: int, rng: np.random.Generator) -> list[Picture]:
    """``count`` pictures by code, all kinds in turn."""
    kinds = [draw for draw, times in DRAWINGS.items() for _ in range(times)]
    return [np.asarray(kinds[index % len(kinds)](rng).convert("RGB")) for index in range(count)]


# --- crops ------------------------------------------------------------------------------------------------------------


def recoloured(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """Another exposure, contrast, white balance, saturation and gamma for a crop 3×S×S in 0..1."""
    grey = crop.mean(0, keepdim=True)
    if rng.random() < 0.4 and torch.equal(crop[0], crop[1]):  # a grey photo: tint it from one colour to another
        dark, bright = (torch.tensor(colour(rng)).view(3, 1, 1) / 255 for _ in range(2))
        return dark + (bright - dark) * grey
    crop = grey + (crop - grey) * rng.uniform(0.3, 1.8)
    if rng.random() < 0.3:
        crop = crop[rng.permutation(3)]
    balance = torch.from_numpy(rng.uniform(0.8, 1.2, (3, 1, 1))).float()
    crop = (crop * balance * rng.uniform(0.6, 1.3) + rng.uniform(-0.1, 0.1)).clamp(0, 1)
    return crop ** rng.uniform(0.6, 1.6)


def crop_of(picture: Picture, side: int, rng: np.random.Generator) -> Tensor:
    """A random crop 3×side×side of a picture: native, reduced up to 2.5× or enlarged up to 1.6×; turned; recoloured."""
    zoom = 1.0 if rng.random() < 0.45 else float(np.exp(rng.uniform(np.log(1 / 1.6), np.log(2.5))))
    window = min(round(side * zoom), *picture.shape[:2])
    top, left = (int(rng.integers(0, length - window + 1)) for length in picture.shape[:2])
    crop = torch.from_numpy(picture[top : top + window, left : left + window].copy()).permute(2, 0, 1).float() / 255
    crop = torch.rot90(crop, int(rng.integers(4)), (1, 2))
    if rng.random() < 0.5:
        crop = crop.flip(2)
    if window != side:
        crop = F.interpolate(crop[None], (side, side), mode="bicubic", antialias=True)[0].clamp(0, 1)
    if rng.random() < 0.4:
        crop = recoloured(crop, rng).clamp(0, 1)
    return (crop * 255).round().to(torch.uint8)


SHARES = (0.55, 0.05, 0.3, 0.1)
"""How many crops come from photos, from random drawings, from the face of the comparison and from its other pictures."""

Crops = Callable[[int, int, np.random.Generator], Tensor]


def source_of_crops(drawn: list[Picture], more_photos: Path | None) -> Crops:
    """What gives ``count`` crops of a ``side`` as uint8 count×3×side×side, out of all pictures; see :data:`SHARES`.

    Args:
        drawn: pictures by code.
        more_photos: folder with further photos to train on.
    """
    photos = [photo(name) for name, times in PHOTOS.items() for _ in range(times)]
    if more_photos is not None:
        photos += [opened(file) for file in sorted(more_photos.iterdir()) for _ in range(MORE_PHOTOS_TIMES)]
    face, *others = (np.asarray(draw()) for draw in BUILT_IN.values())
    kinds = (photos, drawn, [face], others)

    def crops(count: int, side: int, rng: np.random.Generator) -> Tensor:
        chosen = [kinds[int(rng.choice(len(kinds), p=SHARES))] for _ in range(count)]
        return torch.stack([crop_of(pictures[int(rng.integers(len(pictures)))], side, rng) for pictures in chosen])

    return crops
