"""What an edit of the last layer does to every picture, in words.

The last layer of a decoder is a convolution to RGB, so that a linear change of colours ``x' = M·x + t`` is the same change of
that layer: ``W' = M·W`` and ``b' = M·b + t``. From both layers M and t are found again. The first layer of an encoder can take
such a change back: ``W' = W·M⁻¹``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...lazy_dataclass import dataclass
from ..sketch import FIRST_LAYER, LAST_LAYER, Half

Floats = NDArray[np.float64]

LAST_BIAS, FIRST_BIAS = LAST_LAYER.replace("weight", "bias"), FIRST_LAYER.replace("weight", "bias")

LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Of sRGB primaries (ITU-R BT.709)."""

LARGEST_RESIDUAL = 0.05
"""What M may leave unexplained of W'. Rounding to fp8 leaves 0.03, another layer more than 0.8."""

LARGEST_GAIN = 20.0
"""Of M. No one strengthens colours by more: a larger one is what rounding makes of colours that the other VAE has lost, as a
sepia one has."""

SMALLEST_FACTOR, SMALLEST_SHIFT = 0.03, 0.008
"""Changes of saturation and contrast, and of colours in 0..1, that are told; less cannot be seen."""


@dataclass(frozen=True)
class ColourEdit:
    """x' = ``matrix``·x + ``offset`` for pictures in 0..1, RGB.

    Attributes:
        matrix: 3×3.
        offset: 3.
    """

    matrix: Floats
    offset: Floats

    @property
    def words(self) -> str:
        """What it does, such as ``more saturated (×1.30), brighter (+0.03)``."""
        return ", ".join(_monochrome(self) or _special(self) or _usual(self)) or "a change too small to be seen"


def colour_edit(one: Half, other: Half) -> ColourEdit | None:
    """The change of colours from the other decoder to the one; ``None`` if it is none, or not of RGB.

    Args:
        one, other: decoders with the same tensors.
    """
    if not {LAST_LAYER, LAST_BIAS} <= set(one.layout.names):
        return None
    (ours, our_bias), (theirs, their_bias) = (
        (half.layout.of(LAST_LAYER, half.values).astype(np.float64), half.layout.of(LAST_BIAS, half.values))
        for half in (one, other)
    )
    if our_bias.size != 3 or ours.size % 3:
        return None
    matrix = _linear(theirs.reshape(3, -1), ours.reshape(3, -1))
    if matrix is None:
        return None
    signed = our_bias - matrix @ their_bias
    # The decoder works in −1..1: p = 2x − 1, so p' = M·p + s is x' = M·x + (s + 1 − M·1) / 2.
    return ColourEdit(matrix, (signed + 1 - matrix.sum(1)) / 2)


def takes_back(one: Half, other: Half, edit: ColourEdit) -> bool:
    """Whether the first layer of the one encoder undoes the edit before it does what the other does."""
    ours, theirs = (half.layout.of(FIRST_LAYER, half.values).astype(np.float64).reshape(3, -1) for half in (one, other))
    matrix = _linear(theirs, ours)
    return matrix is not None and bool(np.abs(matrix.T @ edit.matrix - np.eye(3)).max() < LARGEST_RESIDUAL)


def _linear(before: Floats, after: Floats) -> Floats | None:
    """M of ``after = M · before``, both 3 × values, if there is one."""
    found: Floats = np.linalg.lstsq(before.T, after.T, rcond=None)[0].T
    rest, whole = np.linalg.norm(after - found @ before), np.linalg.norm(after)
    explains = rest <= LARGEST_RESIDUAL * whole and np.linalg.norm(before) > 0
    return found if explains and np.linalg.norm(found, 2) <= LARGEST_GAIN else None


def _monochrome(edit: ColourEdit) -> tuple[str, ...]:
    """If one colour remains, which."""
    largest, second, _ = np.linalg.svd(edit.matrix)[1]
    if largest < SMALLEST_FACTOR:
        return ("every picture is one colour",)
    if second > 0.1 * largest:
        return ()
    red, _, blue = edit.matrix.sum(1) / np.abs(edit.matrix.sum(1)).max()
    tone = (
        "sepia" if red - blue > 0.05 else "black and white with a blue tone" if blue - red > 0.05 else "black and white"
    )
    return (tone,)


_SPECIAL = (
    ("red and blue exchanged", np.eye(3)[[2, 1, 0]]),
    ("red and green exchanged", np.eye(3)[[1, 0, 2]]),
    ("green and blue exchanged", np.eye(3)[[0, 2, 1]]),
    ("a negative", -np.eye(3)),
)


def _special(edit: ColourEdit) -> tuple[str, ...]:
    return tuple(words for words, matrix in _SPECIAL if np.abs(edit.matrix - matrix).max() < 0.1)


def _usual(edit: ColourEdit) -> Iterator[str]:
    matrix = edit.matrix
    contrast = float(LUMA @ matrix.sum(1))
    # Of colours less their luma: how much a turn-free factor makes of the matrix, and what is left of it.
    chroma = np.eye(3) - np.ones((3, 1)) * LUMA
    gain = float(np.trace(chroma @ matrix @ chroma)) / 2
    rest = float(np.linalg.norm(chroma @ matrix @ chroma - gain * chroma))
    grey = matrix.sum(1) / 2 + edit.offset - 0.5  # what becomes of a middle grey
    bright = float(LUMA @ grey)
    red, green, blue = grey - bright
    saturation = gain / contrast if abs(contrast) > SMALLEST_FACTOR else gain
    if contrast < -SMALLEST_FACTOR:
        yield "a negative"
    if rest <= abs(gain):  # otherwise the colours are others, not more or less of the same
        yield from _factor(saturation, "more saturated", "less saturated")
    yield from _factor(abs(contrast), "more contrast", "less contrast")
    if abs(bright) > SMALLEST_SHIFT:
        yield f"{'brighter' if bright > 0 else 'darker'} ({bright:+.2f})".replace("-", "−")
    if abs(red - blue) > SMALLEST_SHIFT:
        yield "warmer" if red > blue else "cooler"
    if abs(green - (red + blue) / 2) > 2 * SMALLEST_SHIFT:
        yield "greener" if green > 0 else "more magenta"
    if rest > 0.15 * max(abs(gain), SMALLEST_FACTOR):
        yield "other hues"


def _factor(factor: float, more: str, less: str) -> Iterator[str]:
    if abs(factor - 1) > SMALLEST_FACTOR:
        yield f"{more if factor > 1 else less} (×{factor:.2f})"
