"""Means with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95

METHOD = (
    "Intervals hold the mean of all such pictures with 95 % confidence: mean ± t·s/√n with Student's t of n − 1 degrees of "
    "freedom. Those of shares are Wilson's. Differences are of the same pictures."
)
"""How intervals are made, for people."""

PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class Mean:
    """What a measure does over many pictures.

    Attributes:
        count: of the pictures that it is the mean of.
        mean: arithmetic.
        half: half the width of the interval, ``None`` for a single picture.
        deviation: standard deviation of single pictures, ``None`` for one.
        percentiles: of single pictures, by :data:`PERCENTILES`.
    """

    count: int
    mean: float
    half: float | None
    deviation: float | None
    percentiles: tuple[float, ...]


@dataclass(frozen=True)
class Share:
    """In how many of the pictures something is so.

    Attributes:
        count: of the pictures.
        share: 0..1.
        low, high: ends of the interval.
    """

    count: int
    share: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def mean_of(values: NDArray[np.float64]) -> Mean | None:
    """Of those that are finite; ``None`` if none is."""
    finite = values[np.isfinite(values)]
    count = len(finite)
    if not count:
        return None
    mean = float(finite.mean())
    percentiles = tuple(float(value) for value in np.percentile(finite, PERCENTILES))
    if count == 1:
        return Mean(1, mean, None, None, percentiles)
    deviation = float(finite.std(ddof=1))
    return Mean(count, mean, _student(count - 1) * deviation / math.sqrt(count), deviation, percentiles)


def share_of(successes: int, count: int) -> Share:
    """A share with Wilson's interval, which is right near 0 and 1 too."""
    z = _normal()
    share = successes / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return Share(count, share, max(0.0, middle - half), min(1.0, middle + half))


def _student(freedom: int) -> float:
    from scipy.special import stdtrit  # late: it comes with scikit-image, and takes a while to load

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _normal() -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + CONFIDENCE) / 2))
