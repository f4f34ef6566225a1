"""Which VAEs a VAE was merged from, and in what proportions.

A merge is linear in the weights: ``target = Σ cᵢ · parentᵢ`` with ``Σ cᵢ = 1``, so the same holds for sketches, and least
squares finds the coefficients. With ``Dᵢ = parentᵢ − target`` and ``K = D Dᵀ`` they are ``c = K⁻¹1 / 1ᵀK⁻¹1``, and the
squared residual is ``1 / 1ᵀK⁻¹1``; for two and three parents both have a closed form, so that all pairs and triples are
tried at once. The best is held to its word: no value may be further off than rounding explains.

Found is what people make: weighted sums of two or three parents with weights from 0 to 1, "add difference" (``A + α·(B − C)``
with α up to 1), and pairs that were merged with another proportion in each block (as tools for block-weighted merges do).
Triples with a proportion for each block are outside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ...lazy_dataclass import dataclass
from ..sketch import Half, Layout, Sketch
from .closed_forms import Floats, Places, best_of, choices, fit_shares, fit_three, fit_two, is_difference, least_square
from .likeness import SMALLEST_SCALE

Layouts = tuple[tuple[str, Layout], ...]
"""Names of halves, sorted, and their layouts."""

LARGEST_EXCESS = 3.0
"""Of a value's residual in relation to the rounding of the target and the parents. Programs round each product and the sum."""

LARGEST_SHARE = 0.25
"""Of the distance to the nearest parent: a merge explains nearly all of it. By chance, one free coefficient explains next to
nothing of thousands of values; finetunes in the direction of an earlier one may reach half."""

SMALLEST_COEFFICIENT = 0.01
UNIFORM = 0.02
"""How far the proportions of blocks may differ in a plain merge of bf16 files."""

MOST_CANDIDATES = 40
"""The nearest are tried: 780 pairs and 9,880 triples."""

LOST = 1e-12
"""Squared distances from products may be off by so much of the largest one."""

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
        certain: whether the target is known to be the one that was made. Otherwise one of these VAEs is a merge of the others.
    """

    parents: tuple[int, ...]
    coefficients: tuple[float, ...]
    residual: float
    blocks: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    certain: bool = True

    @property
    def is_difference(self) -> bool:
        """Whether it is A + α · (B − C), in this order of the parents."""
        return min(self.coefficients) < 0

    @property
    def takes_whole_blocks(self) -> bool:
        """Whether each block is that of one parent. Then the parents may as well be two edits of the target, in other blocks
        each, as where one program trained the decoder and another the encoder."""
        return bool(self.blocks) and all(min(shares) <= UNIFORM for shares in self.blocks.values())


def find_merge(target: Sketch, candidates: Sequence[Sketch]) -> Merge | None:
    """The simplest merge of the candidates that makes the target; ``None`` if there is none.

    Args:
        target: what may be a merge.
        candidates: what it may be made of. None should be a copy of the target; copies of one another only cost time.
    """
    return MergeSearch([*candidates, target]).find(len(candidates), range(len(candidates)))


class MergeSearch:
    """The search for merges in a collection.

    Args:
        sketches: those of all layouts and states; only those that can be compared are tried with one another. A half is tried
            with the halves of whole ones too.
    """

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        usable = [(number, sketch) for number, sketch in enumerate(sketches) if not sketch.blank]
        self._layouts = {number: _layouts(sketch) for number, sketch in usable}
        self._stacks: dict[Layouts, _Stack] = {}
        self._sketches = dict(usable)

    def find(self, target: int, candidates: Iterable[int]) -> Merge | None:
        """As :func:`find_merge`; target, candidates and the parents found are places in the collection."""
        layouts = self._layouts.get(target)
        if layouts is None:
            return None
        stack = self._stacks.get(layouts) or self._stacks.setdefault(layouts, self._stack(layouts))
        rows = [stack.row[other] for other in candidates if other in stack.row]
        if len(rows) < 2:
            return None
        fit = _Fit(stack, stack.row[target], np.array(rows))
        if fit.is_hopeless:
            return None
        found = fit.plain(2) or fit.block_weighted() or fit.plain(3)
        return found and replace(found, parents=tuple(stack.numbers[parent] for parent in found.parents))

    def _stack(self, layouts: Layouts) -> _Stack:
        """All that have these halves."""
        numbers = [number for number, own in self._layouts.items() if set(layouts) <= set(own)]
        halves = [[self._sketches[number].halves[name] for name, _ in layouts] for number in numbers]
        return _Stack(tuple(layout for _, layout in layouts), numbers, halves)


def _layouts(sketch: Sketch) -> Layouts:
    return tuple((name, half.layout) for name, half in sorted(sketch.halves.items()))


class _Stack:
    """Sketches with the same halves.

    Attributes:
        numbers: their places in the collection; ``row`` is the reverse.
        blocks: names of the blocks.
        block_of: for each value, the number of its block.
        values: sketches × values, as they are.
        scaled: the same, scaled so that squared norms are means over tensors of relative ones.
        roundings: relative and absolute rounding of each value, sketches × values.
    """

    def __init__(self, layouts: tuple[Layout, ...], numbers: list[int], halves: Sequence[Sequence[Half]]) -> None:
        self.numbers = numbers
        self.row = {number: row for row, number in enumerate(numbers)}
        self.blocks, self.block_of = _blocks(layouts)
        self._columns = [np.flatnonzero(self.block_of == block) for block in range(len(self.blocks))]
        self.values = np.stack([np.concatenate([half.values for half in row]) for row in halves]).astype(np.float64)
        # The median, so that a single strange VAE does not set the scale for all.
        scale: Floats = np.median([np.concatenate([_weights(half) for half in row]) for row in halves], axis=0)
        self.scaled = self.values * np.sqrt(scale / len(layouts))
        self.relative = np.stack([np.concatenate([half.rounding.relative for half in row]) for row in halves])
        self.absolute = np.stack([np.concatenate([half.rounding.absolute for half in row]) for row in halves])

    @cached_property
    def _squares(self) -> Floats:
        """Squared distances of all from all, but for digits that are lost in them."""
        products = self.scaled @ self.scaled.T
        norms = products.diagonal()
        found: Floats = norms[:, None] + norms - 2 * products
        return found

    def nearest(self, target: int, rows: Places, count: int) -> tuple[Places, Floats]:
        """The nearest of the rows to a target, the nearest first, and their squared distances."""
        rough = self._squares[target, rows]
        if len(rows) > count:
            rows = rows[rough <= np.partition(rough, count - 1)[count - 1] + LOST * self._squares.max()]
        squares = np.square(self.scaled[rows] - self.scaled[target]).sum(1)
        order = squares.argsort(kind="stable")[:count]
        return rows[order], squares[order]

    def products(self, target: int, rows: Places) -> Iterator[Floats]:
        """K = D Dᵀ of each block, D being the differences of rows from the target: rows × rows."""
        apart = self.scaled[rows] - self.scaled[target]
        parts = (apart[:, columns] for columns in self._columns)
        return (part @ part.T for part in parts)


def _weights(half: Half) -> Floats:
    """A weight for each value, so that a squared norm is the mean over tensors of relative ones.

    Weights of norms are about 1 and those of convolutions 0.02; without this, the norms alone would be compared.
    """
    counts = np.array(half.layout.counts)
    each: Floats = 1 / (np.maximum(half.squares, SMALLEST_SCALE**2) * counts * len(counts))
    return each[half.layout.tensor_of]


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

    def __init__(self, stack: _Stack, target: int, candidates: Places) -> None:
        self._stack, self._target = stack, target
        self._rows, squares = stack.nearest(target, candidates, MOST_CANDIDATES)
        self._largest = LARGEST_SHARE * float(np.sqrt(squares[0]))
        rounding = np.square(stack.scaled[target] * stack.relative[target])
        self._rounding: Floats = np.bincount(stack.block_of, rounding, len(stack.blocks)).astype(np.float64)[:, None]

    @property
    def is_hopeless(self) -> bool:
        """Whether all candidates together, with proportions of their own in each block, leave too much."""
        left = 0.0
        for products in self._stack.products(self._target, self._rows):
            left += least_square(products)
            if left > self._largest**2:
                return True
        return False

    @cached_property
    def _products(self) -> Floats:
        """K of each block: blocks × candidates × candidates."""
        return np.stack(list(self._stack.products(self._target, self._rows)))

    def plain(self, count: int) -> Merge | None:
        """The best sum of two or three parents with one coefficient each."""
        places = choices(len(self._rows), count)
        if not len(places):
            return None
        products = self._products.sum(0)
        coefficients, squares = (fit_two if count == 2 else fit_three)(products, places)
        usable = (coefficients > 0).all(1) | is_difference(coefficients)
        usable &= (np.abs(coefficients) >= SMALLEST_COEFFICIENT).all(1)
        if not usable.any():
            return None
        best = best_of(squares, usable, (coefficients * products.diagonal()[places]).sum(1))
        exact = self._exact(places[best])
        residual = self._residual(places[best], exact[:, None])
        if residual is None:
            return None
        parts = sorted(zip(exact.tolist(), self._parents(places[best]), strict=True), reverse=True)
        return Merge(tuple(place for _, place in parts), tuple(value for value, _ in parts), residual)

    def block_weighted(self) -> Merge | None:
        """The best pair of parents with proportions of their own in each block, from 0 to 1."""
        places = choices(len(self._rows), 2)
        shares, squares = fit_shares(self._products, places, self._rounding)
        usable = (shares > UNIFORM).any(0) & (shares < 1 - UNIFORM).any(0)
        if not usable.any():
            return None
        best = best_of(squares.sum(0), usable, np.zeros(len(places)))
        share = np.nan_to_num(shares[:, best])[self._stack.block_of]
        residual = self._residual(places[best], np.stack((share, 1 - share)))
        if residual is None:
            return None
        told = zip(self._stack.blocks, shares[:, best].tolist(), strict=True)
        blocks = {name: (value, 1 - value) for name, value in told if not math.isnan(value)}
        mean = sum(value for value, _ in blocks.values()) / len(blocks)
        return Merge(self._parents(places[best]), (mean, 1 - mean), residual, blocks)

    def _parents(self, places: Places) -> tuple[int, ...]:
        return tuple(self._rows[places].tolist())

    def _exact(self, places: Places) -> Floats:
        """Coefficients with all their digits, of which the closed forms have lost half."""
        rows = self._stack.scaled[self._rows[places]]
        last, target = rows[-1], self._stack.scaled[self._target]
        found: Floats = np.linalg.lstsq((rows[:-1] - last).T, target - last, rcond=None)[0]
        return np.append(found, 1 - found.sum())

    def _residual(self, places: Places, coefficients: Floats) -> float | None:
        """What the sum leaves, relative to the weights; ``None`` if that is more than rounding explains."""
        stack, target, rows = self._stack, self._target, self._rows[places]
        rest = float(np.linalg.norm(((stack.scaled[rows] - stack.scaled[target]) * coefficients).sum(0)))
        if rest > self._largest:
            return None
        off = np.abs(((stack.values[rows] - stack.values[target]) * coefficients).sum(0))
        parts = np.abs(stack.values[rows] * coefficients)
        sizes = np.abs(stack.values[target]) + parts.sum(0)
        allowed = stack.relative[target] * sizes + stack.absolute[target]
        allowed += (stack.relative[rows] * parts + stack.absolute[rows] * np.abs(coefficients)).sum(0)
        return rest if (off <= LARGEST_EXCESS * allowed).all() else None
