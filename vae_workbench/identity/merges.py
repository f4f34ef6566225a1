"""Which VAEs a VAE was merged from, and in what proportions.

A merge is linear in the weights: ``target = Σ cᵢ · parentᵢ`` with ``Σ cᵢ = 1``, so the same holds for sketches, and least
squares finds the coefficients. With ``Dᵢ = parentᵢ − target`` and ``K = D Dᵀ`` they are ``c = K⁻¹1 / 1ᵀK⁻¹1``, and the
squared residual is ``1 / 1ᵀK⁻¹1``; for two and three parents both have a closed form, so that all pairs and triples are
tried at once.

Found are weighted sums of two or three parents, "add difference" (``A + α·(B − C)``), and pairs that were merged with another
proportion in each block (as tools for block-weighted merges do). Triples with a proportion for each block are outside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .likeness import weights
from .sketch import Layout, Sketch

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

LARGEST_RESIDUAL = 2**-8
"""What rounding to bf16 may leave, the coarsest of the usual precisions."""

LARGEST_SHARE = 0.25
"""Of the distance to the nearest parent: a merge explains nearly all of it. By chance, one free coefficient explains next to
nothing of thousands of values; finetunes in the direction of an earlier one may reach half."""

SMALLEST_COEFFICIENT = 0.01
UNIFORM = 0.02
"""How far the proportions of blocks may differ in a plain merge of bf16 files."""

MOST_CANDIDATES = 40
"""The nearest are tried: 780 pairs and 9,880 triples."""

_PARTS = (
    (re.compile(r"(encoder|decoder)\.(down|up)\.(\d+)\."), r"\1.\2.\3"),
    (re.compile(r"(encoder|decoder)\.(mid|conv_in)\."), r"\1.\2"),
    (re.compile(r"(encoder|decoder)\.(?:norm_out|conv_out)\."), r"\1.out"),
    (re.compile(r"(encoder|decoder)\.(\d+)\."), r"\1.\2"),
    (re.compile(r"(\w+)\."), r"\1"),
)


@dataclass(frozen=True)
class Merge:
    """A VAE as a weighted sum of others.

    Attributes:
        parents: places in the collection that was searched.
        coefficients: of each parent, the largest first; they add up to 1. Of a block-weighted merge, the mean over its blocks.
        residual: what the sum leaves unexplained, relative to the weights; about the rounding.
        blocks: of a block-weighted merge, block → coefficients of the two parents; blocks in which the parents are equal,
            and which tell nothing, are left out. Otherwise empty.
    """

    parents: tuple[int, ...]
    coefficients: tuple[float, ...]
    residual: float
    blocks: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def find_merge(target: Sketch, candidates: Sequence[Sketch]) -> Merge | None:
    """The simplest merge of the candidates that makes the target; ``None`` if there is none.

    Args:
        target: what may be a merge.
        candidates: what it may be made of. None should be a copy of the target; copies of one another only cost time.
    """
    return MergeSearch([*candidates, target]).find(len(candidates), range(len(candidates)))


class MergeSearch:
    """The search for merges in a collection. Products of all sketches are computed once, for any number of searches.

    Args:
        sketches: those of all layouts and states; only those that can be compared are tried with one another.
    """

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        self._place: dict[int, tuple[_Stack, int]] = {}
        stacks: dict[tuple[Layout, ...], list[int]] = {}
        for number, sketch in enumerate(sketches):
            if not sketch.blank:
                stacks.setdefault(_layouts(sketch), []).append(number)
        for layouts, numbers in stacks.items():
            stack = _Stack(layouts, [sketches[number] for number in numbers])
            self._place.update((number, (stack, row)) for row, number in enumerate(numbers))

    def find(self, target: int, candidates: Iterable[int]) -> Merge | None:
        """As :func:`find_merge`; target, candidates and the parents found are places in the collection."""
        if target not in self._place:
            return None
        stack, row = self._place[target]
        numbers = {
            self._place[other][1]: other for other in candidates if self._place.get(other, (None, 0))[0] is stack
        }
        if len(numbers) < 2:
            return None
        fit = _Fit(stack, row, list(numbers))
        found = fit.plain(2) or fit.block_weighted() or fit.plain(3)
        return found and replace(found, parents=tuple(numbers[parent] for parent in found.parents))


def _layouts(sketch: Sketch) -> tuple[Layout, ...]:
    return tuple(half.layout for _, half in sorted(sketch.halves.items()))


class _Stack:
    """Sketches of one layout.

    Attributes:
        blocks: names of the blocks.
        block_of: for each value, the number of its block.
        values: sketches × values, scaled so that squared norms are means over tensors of relative ones.
        products: blocks × sketches × sketches, the scalar products of their values in each block.
    """

    def __init__(self, layouts: tuple[Layout, ...], sketches: Sequence[Sketch]) -> None:
        self.blocks, self.block_of = _blocks(layouts)
        halves = [[half for _, half in sorted(sketch.halves.items())] for sketch in sketches]
        # The median, so that a single strange VAE does not set the scale for all.
        scale: Floats = np.median([np.concatenate([weights(half) for half in row]) for row in halves], axis=0)
        values = np.stack([np.concatenate([half.values for half in row]) for row in halves])
        self.values = values * np.sqrt(scale / len(layouts))
        parts = (self.values[:, self.block_of == block] for block in range(len(self.blocks)))
        self.products = np.stack([part @ part.T for part in parts])


@lru_cache(maxsize=16)
def _blocks(layouts: tuple[Layout, ...]) -> tuple[list[str], NDArray[np.intp]]:
    """The blocks of a layout, and for each value the number of its block."""
    numbers: dict[str, int] = {}
    tensors = [
        (numbers.setdefault(block_of(name), len(numbers)), count)
        for layout in layouts
        for name, count in zip(layout.names, layout.counts, strict=True)
    ]
    blocks, counts = zip(*tensors, strict=True)
    return list(numbers), np.repeat(blocks, counts)


def block_of(name: str) -> str:
    """The block that a canonical name belongs to: a level, the middle or an end of a half, or a quant convolution."""
    for pattern, block in _PARTS:
        if match := pattern.match(name):
            return match.expand(block)
    return name


class _Fit:
    """One target and the candidates nearest to it. Places are those in the stack, or among the nearest."""

    def __init__(self, stack: _Stack, target: int, candidates: list[int]) -> None:
        self._stack, self._target = stack, target
        rows = np.array(candidates)
        # K = D Dᵀ, D being the differences from the target, from the products of the sketches themselves.
        with_target = stack.products[:, rows, target]
        own = stack.products[:, target, target]
        among = stack.products[:, rows[:, None], rows]
        products = among - with_target[:, :, None] - with_target[:, None, :] + own[:, None, None]
        squares = np.maximum(products.sum(0).diagonal(), 0)
        order = squares.argsort(kind="stable")[:MOST_CANDIDATES]
        self._rows = rows[order]
        self._products = products[:, order[:, None], order]
        self._largest = min(LARGEST_RESIDUAL, LARGEST_SHARE * float(np.sqrt(squares[order[0]])))
        self._rounding = LARGEST_RESIDUAL**2 * own[:, None]

    def plain(self, count: int) -> Merge | None:
        """The best sum of two or three parents with one coefficient each."""
        places = _choices(len(self._rows), count)
        if not len(places):
            return None
        products = self._products.sum(0)
        coefficients, squares = (_two if count == 2 else _three)(products, places)
        usable = (coefficients > 0).all(1) | _is_difference(coefficients)
        usable &= (np.abs(coefficients) >= SMALLEST_COEFFICIENT).all(1)
        best = _best(squares, usable, (coefficients * products.diagonal()[places]).sum(1))
        residual = self._residual(places[best], coefficients[best][:, None])
        if not usable[best] or not residual <= self._largest:
            return None
        parts = sorted(zip(coefficients[best].tolist(), self._parents(places[best]), strict=True), reverse=True)
        return Merge(tuple(place for _, place in parts), tuple(value for value, _ in parts), residual)

    def block_weighted(self) -> Merge | None:
        """The best pair of parents with proportions of their own in each block, from 0 to 1."""
        places = _choices(len(self._rows), 2)
        shares, squares = _shares(self._products, places, self._rounding)
        usable = (shares > UNIFORM).any(0) & (shares < 1 - UNIFORM).any(0)
        best = _best(squares.sum(0), usable, np.zeros(len(places)))
        share = np.nan_to_num(shares[:, best])[self._stack.block_of]
        residual = self._residual(places[best], np.stack((share, 1 - share)))
        if not usable[best] or not residual <= self._largest:
            return None
        told = zip(self._stack.blocks, shares[:, best].tolist(), strict=True)
        blocks = {name: (value, 1 - value) for name, value in told if not math.isnan(value)}
        mean = sum(value for value, _ in blocks.values()) / len(blocks)
        return Merge(self._parents(places[best]), (mean, 1 - mean), residual, blocks)

    def _parents(self, places: Places) -> tuple[int, ...]:
        return tuple(self._rows[places].tolist())

    def _residual(self, places: Places, coefficients: Floats) -> float:
        """Exactly: the closed forms have lost half of the digits."""
        values = self._stack.values
        rest = ((values[self._rows[places]] - values[self._target]) * coefficients).sum(0)
        return float(np.linalg.norm(rest))


@lru_cache(maxsize=8)
def _choices(count: int, size: int) -> Places:
    """All ways to choose ``size`` of the numbers below ``count``, as rows."""
    return np.array(list(combinations(range(count), size)), dtype=np.intp).reshape(-1, size)


def _best(squares: Floats, usable: NDArray[np.bool_], spread: Floats) -> int:
    """The place of the smallest residual. Where several are as small, a merge was itself merged: that of the parents
    farthest apart."""
    residuals = np.sqrt(np.where(usable, np.maximum(squares, 0), np.inf))
    return int(np.where(residuals <= 2 * residuals.min() + 1e-6, spread, -np.inf).argmax())


def _two(products: Floats, places: Places) -> tuple[Floats, Floats]:
    """Coefficients and squared residual of each pair: the closed form for K = [[a, b], [b, d]]."""
    i, j = places.T
    a, b, d = products[i, i], products[i, j], products[j, j]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = (d - b) / (a + d - 2 * b)
        return np.stack((first, 1 - first), 1), (a * d - b * b) / (a + d - 2 * b)


def _three(products: Floats, places: Places) -> tuple[Floats, Floats]:
    """The same for triples: the sums of the rows of the adjugate of K, and its determinant."""
    i, j, k = places.T
    a, b, c = products[i, i], products[i, j], products[i, k]
    d, e, f = products[j, j], products[j, k], products[k, k]
    x, y, z = d * f - e * e, c * e - b * f, b * e - c * d
    sums = np.stack((x + y + z, y + a * f - c * c + b * c - a * e, z + b * c - a * e + a * d - b * b), 1)
    total = sums.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums / total[:, None], (a * x + b * y + c * z) / total


def _shares(products: Floats, places: Places, rounding: Floats) -> tuple[Floats, Floats]:
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


def _is_difference(coefficients: Floats) -> NDArray[np.bool_]:
    """Whether they are those of A + α·(B − C): one is 1, and the others add up to nothing."""
    ones: NDArray[np.bool_] = (np.abs(coefficients - 1) <= UNIFORM).any(1)
    return ones & (coefficients.shape[1] == 3)
