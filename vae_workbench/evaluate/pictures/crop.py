"""A picture file as a square of one size, by one stated rule."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...compare.sources.picture import open_rgb

Crop = Literal["center", "random"]

RULES: dict[Crop, str] = {
    "center": "The shorter side is scaled to the size (Lanczos), and the middle is taken.",
    "random": "A window of the picture's own pixels is taken at a random place; a picture that is smaller is scaled up first.",
}
"""What is evaluated of each picture."""


def load_square(path: str | os.PathLike[str], size: int, crop: Crop, draw: int) -> NDArray[np.uint8]:
    """A picture file as size×size×3, turned as its EXIF data says and laid on white where it is transparent.

    Args:
        path: the file.
        size: pixels of each side.
        crop: a key of :data:`RULES`.
        draw: 64 random bits, which tell the place.

    Raises:
        InvalidInput: it is no picture, is damaged, or is too large to be safe.
    """
    image = open_rgb(path, os.path.basename(path))  # noqa: PTH119
    if crop == "center" or min(image.size) < size:
        image = _shorter_side(image, size)
    spare = [side - size for side in image.size]
    if crop == "center":
        left, top = (rest // 2 for rest in spare)
    else:
        left, top = (draw >> 32) % (spare[0] + 1), (draw & 0xFFFFFFFF) % (spare[1] + 1)
    return np.array(image.crop((left, top, left + size, top + size)), dtype=np.uint8)


def _shorter_side(image: Image.Image, size: int) -> Image.Image:
    """Scaled so that its shorter side has ``size`` pixels."""
    shorter = min(image.size)
    width, height = (max(size, round(side * size / shorter)) for side in image.size)
    return image if (width, height) == image.size else image.resize((width, height), Image.Resampling.LANCZOS)
