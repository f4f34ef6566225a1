"""What a VAE did to a picture, in numbers. All colour measures live in CIELAB, where equal steps look equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...lazy_dataclass import dataclass

# scikit-image is imported where it is used: it and scipy take longer to load than a web UI's start should wait.
# structural_similarity slides a window of 7×7 over the picture.
SSIM_WINDOW = 7

RgbImage = NDArray[np.float32]

VISIBLE = {"psnr": 0.5, "ssim": 0.005, "delta_e": 0.1}
"""How far two results have to be apart for the difference to be seen. 0.5 dB is what MPEG's committee took for it when it decided
on improvements (Salomon, "Data Compression: The Complete Reference", on PSNR). The other two are what 0.5 dB make of photographs
blurred to 32 dB, about what VAEs reach: measured 0.006 to 0.015 and 0.07 to 0.10."""

PSNR_OF_ROUNDING = 58.9
"""PSNR in dB of rounding to 8 bits, 10·log₁₀(12 · 255²): what is closer to the original than that looks the same."""


@dataclass(frozen=True)
class Look:
    """How a picture looks on its own.

    Attributes:
        brightness: mean of L*, 0 (black) to 100 (white).
        contrast: standard deviation of L*, 0 (flat) to 50.
        saturation: mean chroma, √(a*² + b*²); 0 is grey, above 100 garish.
        a: mean of a*, from green (negative) to red.
        b: mean of b*, from blue (negative) to yellow.
        sharpness: mean difference of L* between neighbouring pixels.
        colours: number of different colours at 8 bits.
        clipped: part of the values that are black or white to the last bit, 0..1.
    """

    brightness: float
    contrast: float
    saturation: float
    a: float = 0.0
    b: float = 0.0
    sharpness: float = 0.0
    colours: int = 0
    clipped: float = 0.0


@dataclass(frozen=True)
class Fidelity:
    """How close a picture is to the one it was made from.

    Attributes:
        psnr: peak signal-to-noise ratio in dB, higher is closer; None when the two are identical.
        ssim: structural similarity, at most 1; None for pictures under 7 pixels wide or high.
        delta_e: mean CIEDE2000 colour difference; about 1 is just visible.
    """

    psnr: float | None
    ssim: float | None
    delta_e: float


def look(image: RgbImage) -> Look:
    """Measures H×W×3 in 0..1."""
    from skimage.color import rgb2lab

    lab = rgb2lab(image)
    lightness = lab[..., 0]
    levels = np.round(image * 255).astype(np.uint32)
    return Look(
        brightness=float(lightness.mean()),
        contrast=float(lightness.std()),
        saturation=float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
        a=float(lab[..., 1].mean()),
        b=float(lab[..., 2].mean()),
        sharpness=_sharpness(lightness),
        colours=len(np.unique(levels[..., 0] << 16 | levels[..., 1] << 8 | levels[..., 2])),
        clipped=float(((levels == 0) | (levels == 255)).mean()),
    )


def _sharpness(lightness: NDArray[np.floating[Any]]) -> float:
    """Mean difference of neighbours, across and down; 0 for a single pixel."""
    steps = [np.abs(np.diff(lightness, axis=axis)) for axis in (0, 1)]
    return float(np.mean([step.mean() for step in steps if step.size] or [0.0]))


def fidelity(original: RgbImage, result: RgbImage, labs: tuple[RgbImage, RgbImage] | None = None) -> Fidelity:
    """Compares two pictures of one size, H×W×3 in 0..1; ``labs`` are the same in CIELAB, where they are known already."""
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    with np.errstate(divide="ignore"):
        psnr = float(peak_signal_noise_ratio(original, result, data_range=1.0))
    ssim = None
    if min(original.shape[:2]) >= SSIM_WINDOW:
        ssim = float(structural_similarity(original, result, data_range=1.0, channel_axis=2, win_size=SSIM_WINDOW))
    delta_e = float(deltaE_ciede2000(*(labs or (rgb2lab(original), rgb2lab(result)))).mean())
    return Fidelity(psnr if math.isfinite(psnr) else None, ssim, delta_e)


def leaders(measured: Sequence[Fidelity | None]) -> dict[str, frozenset[int]]:
    """For each measure the places of the results that are best, with all from which they cannot be told apart by eye.

    Nobody leads where there is nobody who can be seen to be behind.

    Args:
        measured: of each result; ``None`` where nothing was measured.
    """
    return {measure: _leading(measured, measure, visible) for measure, visible in VISIBLE.items()}


def _leading(measured: Sequence[Fidelity | None], measure: str, visible: float) -> frozenset[int]:
    goodness = {place: _goodness(one, measure) for place, one in enumerate(measured) if one is not None}
    known = {place: good for place, good in goodness.items() if good is not None}
    best = max(known.values(), default=0.0)
    leading = frozenset(place for place, good in known.items() if best - good < visible)
    return leading if len(leading) < len(known) else frozenset()


def _goodness(one: Fidelity, measure: str) -> float | None:
    """The measure, so that more is better."""
    if measure == "psnr":
        return PSNR_OF_ROUNDING if one.psnr is None else min(one.psnr, PSNR_OF_ROUNDING)
    return -one.delta_e if measure == "delta_e" else one.ssim
