"""What is measured of each picture, and what is told of each measure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...compare.measuring.flip import flip
from ...compare.measuring.measures import RgbImage, fidelity


@dataclass(frozen=True)
class Measure:
    """A number that every picture gets.

    Attributes:
        title: for people.
        unit: of it, empty for a plain number.
        digits: after the decimal point that are worth telling.
        better: 1: more is closer, −1: less is; 0: nearer to zero is, and the sign tells the direction.
    """

    title: str
    unit: str
    digits: int
    better: int

    @property
    def heading(self) -> str:
        """The title with the unit, and an arrow that tells what is better."""
        arrow = {1: " ↑", -1: " ↓", 0: ""}[self.better]
        return f"{self.title}{f' {self.unit}' if self.unit else ''}{arrow}"


MEASURES: dict[str, Measure] = {
    "psnr": Measure("PSNR", "dB", 2, 1),
    "ssim": Measure("SSIM", "", 4, 1),
    "delta_e": Measure("ΔE2000", "", 3, -1),
    "flip": Measure("ꟻLIP", "", 4, -1),
    "lpips": Measure("LPIPS", "", 4, -1),
    "brightness_shift": Measure("brightness shift", "L*", 3, 0),
    "red_shift": Measure("shift to red", "a*", 3, 0),
    "yellow_shift": Measure("shift to yellow", "b*", 3, 0),
    "colour_shift": Measure("colour shift", "", 3, -1),
}
"""By the names that lines of results have. Shifts are differences of the means over a picture in CIELAB, result less original;
``colour_shift`` is their length √(a² + b²), to which brightness does not count."""


class Original:
    """A picture that results are measured against.

    Args:
        image: H×W×3 in 0..1.
    """

    def __init__(self, image: RgbImage) -> None:
        self.image = image

    @cached_property
    def lab(self) -> RgbImage:
        """In CIELAB."""
        return _lab(self.image)

    def measures(self, result: RgbImage) -> dict[str, float | None]:
        """All of :data:`MEASURES` but LPIPS for a result of the same size; PSNR is ``None`` if there is no difference."""
        lab = _lab(result)
        close = fidelity(self.image, result, (self.lab, lab))
        lightness, red, yellow = (float(shift) for shift in _mean(lab) - _mean(self.lab))
        return {
            "psnr": close.psnr,
            "ssim": close.ssim,
            "delta_e": close.delta_e,
            "flip": flip(self.image, result),
            "brightness_shift": lightness,
            "red_shift": red,
            "yellow_shift": yellow,
            "colour_shift": math.hypot(red, yellow),
        }


def _lab(image: RgbImage) -> RgbImage:
    from skimage.color import rgb2lab  # late, as in :mod:`...compare.measuring.measures`

    lab: RgbImage = rgb2lab(image)
    return lab


def _mean(lab: RgbImage) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(lab.mean(axis=(0, 1), dtype=np.float64))
