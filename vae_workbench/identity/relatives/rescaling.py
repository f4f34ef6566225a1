"""Whether a half is another one rescaled: other numbers inside, the same pictures.

A KL autoencoder normalises what it reads, so that the values between two layers can be multiplied by a number without any effect
on the result, if the weights around them are multiplied to match. So VAEs are made fp16-safe without training. Here the
weights of all layers are compared, in the order of running, with what that asks for: a layer whose input was multiplied by r
and whose output by w has its weight multiplied by w / r and its bias by w; norms, and what is not between two such layers, stay.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ...lazy_dataclass import dataclass
from ..sketch import Half

Floats = NDArray[np.float64]

SMALLEST_COSINE = 0.99
"""Between a tensor and its rescaled form; rounding to fp8 leaves 0.999, a finetune that is worth the name less than this."""

SMALLEST_FACTOR = 0.05
"""A tensor that was multiplied by less, in parts of itself or as a power of two, was not rescaled."""

TOLERANCE = 0.01
"""Powers of two, between factors that are meant to be equal. fp16 tells a factor to 0.001."""


@dataclass(frozen=True)
class Scales:
    """How a half differs from another one that computes the same.

    Attributes:
        smallest, largest: factors of its inner values, as powers of two; 0 and 13 where some are 8192 times as large.
    """

    smallest: float
    largest: float

    def reversed(self) -> Scales:
        """From the other's side."""
        return Scales(-self.largest, -self.smallest)

    @property
    def larger(self) -> bool:
        """Whether its inner values are the larger ones."""
        return self.largest > -self.smallest

    @property
    def factor(self) -> float:
        """How many times as large or as small its inner values are, at most."""
        return float(2.0 ** max(self.largest, -self.smallest))


class _Inconsistent(Exception):
    """The factors are not those of a rescaled half."""


def worth_a_look(one: Floats, others: Floats, apart: Floats) -> list[bool]:
    """Of which others every tensor is a multiple of the one's, and some by another factor than 1.

    Args:
        one: for each tensor the mean square of its values.
        others, apart: others × tensors: the same, and that of the difference.
    """
    dots, products = (one + others - apart) / 2, np.sqrt(one * others)
    told = products > 0
    multiples = (~told | (dots >= SMALLEST_COSINE * products)).all(1)
    factors = dots / np.where(told, one, 1)
    other_factor = told & (np.abs(factors - 1) > SMALLEST_FACTOR)
    found: list[bool] = (multiples & other_factor.any(1)).tolist()
    return found


def rescaled(one: Half, other: Half) -> Scales | None:
    """How one half is the other rescaled, or ``None`` if it is not."""
    factors = _factors(one, other)
    if factors is None:
        return None
    per_value = np.exp2(np.nan_to_num(factors))[one.layout.tensor_of]
    bound = one.rounding.bound + other.rounding.bound * per_value
    apart = np.abs(one.values.astype(np.float64) - other.values.astype(np.float64) * per_value)
    # A factor that is no power of two rounds once more, in the format of the file or in fp32.
    if (apart > 1.5 * bound + 2.0**-22 * np.abs(one.values)).any():
        return None
    try:
        inner = _Walk(dict(zip(one.layout.names, factors.tolist(), strict=True))).inner
    except _Inconsistent:
        return None
    smallest, largest = min(inner), max(inner)
    return Scales(smallest, largest) if max(abs(smallest), abs(largest)) > SMALLEST_FACTOR else None


def _factors(one: Half, other: Half) -> Floats | None:
    """For each tensor the factor from the other to the one as a power of two, NaN where both are zero."""
    a, b = one.values.astype(np.float64), other.values.astype(np.float64)
    dots, ours, theirs = one.layout.means(a * b), one.squares, other.squares
    zero = (ours == 0) & (theirs == 0)
    if (dots[~zero] <= 0).any():
        return None
    found = np.full(len(dots), np.nan)
    found[~zero] = np.log2(dots[~zero] / theirs[~zero])
    whole = np.abs(found - np.round(found)) < TOLERANCE
    found[whole] = np.round(found[whole])
    # Other factors are told more exactly by all tensors that have the same one.
    for place in np.flatnonzero(~zero & ~whole):
        found[place] = np.median(found[np.abs(found - found[place]) < TOLERANCE])
    return found


_UNIT = re.compile(
    r"(encoder|decoder)\.(?:(mid)\.(block_1|attn_1|block_2)|(up|down)\.(\d+)\.(?:(block|attn)\.(\d+)|(?:up|down)sample))\."
)
_MIDDLE = ("block_1", "attn_1", "block_2")


class _Walk:
    """Through a half in the order of running. All factors are powers of two.

    Args:
        factors: of each tensor by its name; NaN fits to everything.

    Attributes:
        inner: the factor of each value between layers.

    Raises:
        _Inconsistent: the half does not compute the same, or is not that of a KL autoencoder.
    """

    def __init__(self, factors: dict[str, float]) -> None:
        self._factors = factors
        self.inner: list[float] = []
        half = self._half = "encoder" if any(name.startswith("encoder.") for name in factors) else "decoder"
        latent = self._layer("post_quant_conv", 0.0) if "post_quant_conv.weight" in factors else 0.0
        stream = self._layer(f"{half}.conv_in", latent)
        for unit in self._units():
            stream = self._unit(unit, stream)
        self._equal(f"{half}.norm_out", 0.0, 0.0)
        out = self._layer(f"{half}.conv_out", 0.0)
        if "quant_conv.weight" in factors:
            out = self._layer("quant_conv", out)
        if abs(out) > TOLERANCE:
            raise _Inconsistent

    def _units(self) -> list[str]:
        """Blocks, attentions and resamplings in the order of running."""
        units = {}
        ends = (
            f"{self._half}.conv_in.",
            f"{self._half}.norm_out.",
            f"{self._half}.conv_out.",
            "quant_conv.",
            "post_quant_conv.",
        )
        for name in self._factors:
            if match := _UNIT.match(name):
                units[match[0]] = self._order(match)
            elif not name.startswith(ends):
                raise _Inconsistent
        return sorted(units, key=lambda unit: units[unit])

    def _order(self, match: re.Match[str]) -> tuple[int, int, int]:
        _, middle, part, _, level, kind, index = match.groups()
        if middle:
            return (0 if self._half == "decoder" else 1), 0, _MIDDLE.index(part)
        place = -int(level) if self._half == "decoder" else int(level)
        within = 2 * int(index) + (kind == "attn") if kind else 1 << 30
        return (1 if self._half == "decoder" else 0), place, within

    def _unit(self, unit: str, stream: float) -> float:
        if unit + "conv1.weight" in self._factors:
            return self._block(unit, stream)
        if unit + "q.weight" in self._factors:
            return self._attention(unit, stream)
        return self._layer(unit + "conv", stream)

    def _block(self, unit: str, stream: float) -> float:
        self._equal(unit + "norm1", 0.0, 0.0)
        self._layer(unit + "conv1", 0.0)
        self._equal(unit + "norm2", 0.0, 0.0)
        if unit + "nin_shortcut.weight" in self._factors:
            stream = self._layer(unit + "nin_shortcut", stream)
        self._equal(unit + "conv2", stream, stream)
        return stream

    def _attention(self, unit: str, stream: float) -> float:
        for name in ("norm", "q", "k"):
            self._equal(unit + name, 0.0, 0.0)
        values = self._layer(unit + "v", 0.0)
        self._equal(unit + "proj_out", stream - values, stream)
        return stream

    def _layer(self, name: str, read: float) -> float:
        """A layer that reads a value of this factor; returns the factor of what it writes."""
        written = self._of(name + ".weight") + read
        if written != written:  # all weights are zero
            written = read
        self._equal(name, written - read, written)
        self.inner.append(written)
        return written

    def _equal(self, name: str, weight: float, bias: float) -> None:
        for kind, factor in (("weight", weight), ("bias", bias)):
            if abs(self._factors.get(f"{name}.{kind}", factor) - factor) > TOLERANCE:  # of NaN never
                raise _Inconsistent

    def _of(self, name: str) -> float:
        if name not in self._factors:
            raise _Inconsistent
        return self._factors[name]
