"""What a VAE did to a picture, in numbers. All colour measures live in CIELAB, where equal steps look equal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# scikit-image is imported where it is used: it and scipy take longer to load than a web UI's start should wait.
# structural_similarity slides a window of 7×7 over the picture.
SSIM_WINDOW = 7

RgbImage = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """How a picture looks on its own.

    Attributes:
        brightness: mean of L*, 0 (black) to 100 (white).
        contrast: standard deviation of L*, 0 (flat) to 50.
        saturation: mean chroma, √(a*² + b*²); 0 is grey, above 100 garish.
    """

    brightness: float
    contrast: float
    saturation: float


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
    return Look(
        brightness=float(lab[..., 0].mean()),
        contrast=float(lab[..., 0].std()),
        saturation=float(np.hypot(lab[..., 1], lab[..., 2]).mean()),
    )


def fidelity(original: RgbImage, result: RgbImage) -> Fidelity:
    """Compares two pictures of one size, H×W×3 in 0..1."""
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    with np.errstate(divide="ignore"):
        psnr = float(peak_signal_noise_ratio(original, result, data_range=1.0))
    ssim = None
    if min(original.shape[:2]) >= SSIM_WINDOW:
        ssim = float(structural_similarity(original, result, data_range=1.0, channel_axis=2, win_size=SSIM_WINDOW))
    delta_e = float(deltaE_ciede2000(rgb2lab(original), rgb2lab(result)).mean())
    return Fidelity(psnr if math.isfinite(psnr) else None, ssim, delta_e)
