"""Least squares of one VAE on all pairs or triples of others at once, in closed form: see :mod:`.merges`.

``products`` is K = D Dᵀ, D being the differences of the candidates from the target; ``places`` are the candidates of each pair
or triple, as rows.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

EXACT = 0.005
"""How far coefficients of an added difference may be from 1, and from each other's opposite."""

SMALLEST_ANGLE = 1e-3
"""Squared sine of the angle between the sides of three parents; when they lie on one line, the third adds nothing."""

SAME_RESIDUAL = 1e-6
"""Residuals that differ by less are equal: the closed forms have lost half of the digits."""


REGULAR = 1e-9
"""Of the largest number in K."""

MOST_SQUARED = 3.1
"""The squares of the coefficients of a merge add up to less: to 1 in weighted sums, to 3 in added differences."""


@lru_cache(maxsize=8)
def choices(count: int, size: int) -> Places:
    """All ways to choose ``size`` of the numbers below ``count``, as rows."""
    return np.array(list(combinations(range(count), size)), dtype=np.intp).reshape(-1, size)


def best_of(squares: Floats, usable: NDArray[np.bool_], spread: Floats) -> int:
    """The place of the smallest residual. Where several are as small, a merge was itself merged: that of the parents
    farthest apart."""
    residuals = np.sqrt(np.where(usable, np.maximum(squares, 0), np.inf))
    return int(np.where(residuals <= 2 * residuals.min() + SAME_RESIDUAL, spread, -np.inf).argmax())


def fit_two(products: Floats, places: Places) -> tuple[Floats, Floats]:
    """Coefficients and squared residual of each pair: the closed form for K = [[a, b], [b, d]]."""
    i, j = places.T
    a, b, d = products[i, i], products[i, j], products[j, j]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = (d - b) / (a + d - 2 * b)
        return np.stack((first, 1 - first), 1), (a * d - b * b) / (a + d - 2 * b)


def fit_three(products: Floats, places: Places) -> tuple[Floats, Floats]:
    """The same for triples: the sums of the rows of the adjugate of K, and its determinant. NaN for three on one line."""
    i, j, k = places.T
    a, b, c = products[i, i], products[i, j], products[i, k]
    d, e, f = products[j, j], products[j, k], products[k, k]
    x, y, z = d * f - e * e, c * e - b * f, b * e - c * d
    sums = np.stack((x + y + z, y + a * f - c * c + b * c - a * e, z + b * c - a * e + a * d - b * b), 1)
    total = sums.sum(1)  # the squared area of the parallelogram that the three parents span
    flat = total <= SMALLEST_ANGLE * (a + d - 2 * b) * (a + f - 2 * c)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = (a * x + b * y + c * z) / total
        return np.where(flat[:, None], np.nan, sums / total[:, None]), np.where(flat, np.nan, squares)


def fit_shares(products: Floats, places: Places, rounding: Floats) -> tuple[Floats, Floats]:
    """The proportion 0..1 of the first of each pair and the squared residual, both blocks × pairs.

    Where the two differ by rounding only, the proportion is NaN and the first's is taken for 0.
    """
    i, j = places.T
    a, b, d = products[:, i, i], products[:, i, j], products[:, j, j]
    apart = a + d - 2 * b
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(apart <= rounding, np.nan, ((d - b) / apart).clip(0, 1))
    taken = np.nan_to_num(shares)
    return shares, taken**2 * a + 2 * taken * (1 - taken) * b + (1 - taken) ** 2 * d


def least_square(products: Floats) -> float:
    """What the best sum of all candidates together leaves, at least: no pair and no triple leaves less. For one K.

    K is made regular by a little, for which a sum is charged: it holds for sums with :data:`MOST_SQUARED` at the most.
    """
    little = REGULAR * float(products.diagonal().max())
    if not little:  # all candidates are equal to the target here
        return 0.0
    sums = np.linalg.solve(products + little * np.eye(len(products)), np.ones(len(products)))
    return max(0.0, 1 / float(sums.sum()) - MOST_SQUARED * little)


def is_difference(coefficients: Floats) -> NDArray[np.bool_]:
    """Whether they are those of A + α(B − C) with α up to 1: one is 1, and the others add up to nothing."""
    ones = (np.abs(coefficients - 1) <= EXACT).any(1) & (np.abs(coefficients) <= 1 + EXACT).all(1)
    found: NDArray[np.bool_] = ones & (coefficients.shape[1] == 3)
    return found
