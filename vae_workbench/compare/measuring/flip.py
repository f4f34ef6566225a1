"""ꟻLIP: how much of a difference the eye notices when two pictures alternate in place.

After Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström and Fairchild, "ꟻLIP: A Difference Evaluator for Alternating Images",
Proc. ACM Comput. Graph. Interact. Tech. 3(2), 2020 (https://doi.org/10.1145/3406183), for pictures of low dynamic range. Section
numbers below are the paper's.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PIXELS_PER_DEGREE = 0.7 * 3840 / 0.7 * math.pi / 180
"""67 pixels to a degree of sight: the paper's default, a 4K screen 0.7 m wide seen from 0.7 m."""

SENSITIVITY = (((1.0, 0.0047),), ((1.0, 0.0053),), ((34.1, 0.04), (13.5, 0.025)))
"""Table 1: the eye's contrast sensitivity in the achromatic, red–green and blue–yellow channel, each a sum of Gaussians a·√(π/b)·
exp(−π²x²/b) over degrees."""

WIDEST = 0.04
"""The largest b, which decides how far the filters reach."""

COLOUR_EXPONENT, FEATURE_EXPONENT, KNEE, KNEE_ERROR = 0.7, 0.5, 0.4, 0.95
"""Sections 4.1.3, 4.3 and 4.1.4: q_c, q_f, p_c, p_t."""

FEATURE_WIDTH = 0.082
"""Section 4.2: width of the human feature detector in degrees."""

XYZ = torch.tensor(
    [
        [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
        [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
        [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
    ],
    dtype=torch.float64,
)
"""Linear sRGB to XYZ under D65, in the fractions that the authors' program has."""

RELATIVE_XYZ = XYZ / XYZ.sum(1, keepdim=True)
"""The same, with 1 for white."""

OPPONENT = torch.tensor([[0, 116, 0], [500, -500, 0], [0, 200, -200]], dtype=torch.float64) @ RELATIVE_XYZ
"""Linear sRGB to YCxCz, the linearised CIELAB in which contrast sensitivity was measured; Y without its offset of −16, which
filters that add up to 1 leave as it is."""

ErrorMap = NDArray[np.float32]

BLOCK = 64
"""Filters are applied to so many pixels at once."""

STRIP = 128
"""Rows done at a time, a multiple of :data:`BLOCK`: what is computed of them stays in the processor's cache."""

REACH = math.ceil(3 * math.sqrt(WIDEST / (2 * math.pi**2)) * PIXELS_PER_DEGREE)
"""How far the filters reach, in pixels: the widest of contrast sensitivity; those of features reach one pixel less."""


def flip_map(reference: NDArray[np.float32], test: NDArray[np.float32]) -> ErrorMap:
    """What is noticed in each pixel, 0 (nothing) to 1; H×W.

    Args:
        reference, test: H×W×3 sRGB in 0..1, of one size. Exchanging them changes nothing.
    """
    height, width = reference.shape[:2]
    rows, columns = (_to_whole_blocks(length) for length in (height, width))
    made = np.empty((height, width), np.float32)
    with torch.inference_mode():
        for top in range(0, height, STRIP):
            bottom = min(top + STRIP, height)
            taken = rows[top : bottom + 2 * REACH + -(bottom - top) % BLOCK]
            strips = (np.take(picture[taken], columns, axis=1).transpose(2, 0, 1) for picture in (reference, test))
            made[top:bottom] = _errors(torch.from_numpy(np.stack(list(strips))).float())[: bottom - top, :width]
    return made


def flip(reference: NDArray[np.float32], test: NDArray[np.float32]) -> float:
    """The mean of :func:`flip_map`: 0 for equal pictures; a difference that is plain to see is about 0.1 and more."""
    return float(flip_map(reference, test).mean())


def _to_whole_blocks(length: int) -> NDArray[np.intp]:
    """Places of a line of ``length``, its ends repeated outwards as far as filters reach, and on to a whole block."""
    return np.arange(-REACH, length + -length % BLOCK + REACH).clip(0, length - 1)


def _errors(pictures: Tensor) -> Tensor:
    """Two pictures 2×3×(h + 2·REACH)×(w + 2·REACH), h and w whole blocks, to the error h×w."""
    opponents = _mixed(OPPONENT, _linear(pictures))
    colour = _colour_difference(*_perceived(opponents))
    features = _feature_difference(opponents[:, 0] / 116)
    return colour.pow_(1 - features)


def _linear(srgb: Tensor) -> Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp_min(0) + 0.055) / 1.055).pow_(2.4))


def _mixed(matrix: Tensor, pictures: Tensor) -> Tensor:
    """Channels of …×3×h×w mixed by a 3×3 matrix."""
    return (matrix.float() @ pictures.flatten(-2)).view(pictures.shape)


def _perceived(opponents: Tensor) -> Tensor:
    """What the eye makes of it: filtered by contrast sensitivity, in CIELAB with colours weakened where it is dark (Hunt)."""
    filtered = torch.stack([_seen(opponents[:, channel], channel) for channel in range(3)], 1)
    return _hunt_lab(_mixed(torch.linalg.inv(OPPONENT), filtered).clamp_(0, 1))


def _hunt_lab(linear: Tensor) -> Tensor:
    ratio = _mixed(RELATIVE_XYZ, linear)
    small = (6 / 29) ** 3
    curve = torch.where(ratio > small, ratio.clamp_min(small).pow_(1 / 3), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = curve.unbind(-3)
    lightness = 116 * y - 16
    return torch.stack([lightness, 5 * lightness * (x - y), 2 * lightness * (y - z)], -3)


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """HyAB: differences of lightness and of colour, added (section 4.1.3)."""
    lightness, red_green, blue_yellow = (a - b).unbind()
    return lightness.abs() + torch.hypot(red_green, blue_yellow)


def _colour_difference(reference: Tensor, test: Tensor) -> Tensor:
    """0..1, most of the range for small differences (section 4.1.4)."""
    difference, largest = _distance(reference, test).pow_(COLOUR_EXPONENT), _largest_difference()
    knee = KNEE * largest
    above = KNEE_ERROR + (difference - knee) / (largest - knee) * (1 - KNEE_ERROR)
    return torch.where(difference < knee, difference * KNEE_ERROR / knee, above).clamp_(0, 1)


@lru_cache(maxsize=1)
def _largest_difference() -> float:
    green, blue = (_hunt_lab(torch.tensor(colour)[:, None, None]) for colour in ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0]))
    return float(_distance(green, blue).pow(COLOUR_EXPONENT))


def _feature_difference(luminance: Tensor) -> Tensor:
    """How much edges and points differ, 0..1 (section 4.2)."""
    gauss, *derivatives = _feature_filters()
    smooth = _across(luminance, gauss)
    strengths = [
        torch.hypot(_along(_across(luminance, derivative), gauss), _along(smooth, derivative))
        for derivative in derivatives
    ]
    edges, points = (strength[0].sub(strength[1]).abs_() for strength in strengths)
    return torch.maximum(edges, points).div_(math.sqrt(2)).pow_(FEATURE_EXPONENT).clamp_(0, 1)


# --- filters: a line of weights is kept as the matrix that takes BLOCK + 2·REACH pixels to the BLOCK in their middle ----


def _across(planes: Tensor, matrix: Tensor) -> Tensor:
    """Rows of …×h×(w + 2·REACH) filtered: …×h×w."""
    return (planes.unfold(-1, BLOCK + 2 * REACH, BLOCK) @ matrix).flatten(-2)


def _along(planes: Tensor, matrix: Tensor) -> Tensor:
    """Columns of …×(h + 2·REACH)×w filtered: …×h×w."""
    return (matrix.T @ planes.unfold(-2, BLOCK + 2 * REACH, BLOCK).mT).flatten(-3, -2)


def _seen(plane: Tensor, channel: int) -> Tensor:
    first, *others = (_along(_across(plane, across), along) for across, along in _sensitivity(channel))
    return sum(others, first)


def _matrix(line: Tensor) -> Tensor:
    reach = len(line) // 2
    matrix = torch.zeros(BLOCK + 2 * REACH, BLOCK)
    for pixel in range(BLOCK):
        matrix[pixel + REACH - reach : pixel + REACH + reach + 1, pixel] = line
    return matrix


@lru_cache(maxsize=3)
def _sensitivity(channel: int) -> list[tuple[Tensor, Tensor]]:
    """Filters of a channel, across and along, whose results are added."""
    degrees = torch.arange(-REACH, REACH + 1, dtype=torch.float64) / PIXELS_PER_DEGREE
    parts = [(a * math.sqrt(math.pi / b), torch.exp(-(math.pi**2) * degrees**2 / b)) for a, b in SENSITIVITY[channel]]
    total = sum(weight * float(line.sum()) ** 2 for weight, line in parts)
    return [(_matrix(line * weight / total), _matrix(line)) for weight, line in parts]


@lru_cache(maxsize=1)
def _feature_filters() -> tuple[Tensor, Tensor, Tensor]:
    """A Gaussian, and its first and second derivative for edges and points, whose positive and whose negative weights each
    add up to 1."""
    deviation = 0.5 * FEATURE_WIDTH * PIXELS_PER_DEGREE
    reach = math.ceil(3 * deviation)
    x = torch.arange(-reach, reach + 1, dtype=torch.float64)
    gauss = torch.exp(-(x**2) / (2 * deviation**2))
    gauss /= gauss.sum()
    edges, points = (
        line.clamp_min(0) / line.clamp_min(0).sum() - line.clamp_max(0) / line.clamp_max(0).sum()
        for line in (-x * gauss, (x**2 / deviation**2 - 1) * gauss)
    )
    return _matrix(gauss), _matrix(edges), _matrix(points)
