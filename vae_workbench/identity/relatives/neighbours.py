"""Who of many VAEs can be related to whom, told roughly and fast, so that only those few are compared value by value.

1,000 VAEs are half a million pairs, and nearly all of these are merely similar, or strangers. Left out is only what cannot be
among the closest relatives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..sketch import Half, Sketch
from .likeness import SMALLEST_SCALE, mostly_equal, probes
from .rescaling import SMALLEST_COSINE, SMALLEST_FACTOR

Flags = NDArray[np.bool_]
Singles = NDArray[np.float32]

MARGIN = 1e-5
"""Squared distances and cosines are computed in fp32 here, from norms: by so much they may be off."""

ROWS = 64
"""Are told at once: 64 rows of 1,000 numbers fit into a processor's cache."""


class Neighbours:
    """The VAEs of a collection that are worth comparing with each of them. All numbers are places in the collection.

    Args:
        sketches: blank ones have no neighbours.
    """

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        self._count = len(sketches)
        own: dict[tuple[str, str], list[int]] = {}
        for number, sketch in enumerate(sketches):
            for name, half in {} if sketch.blank else sketch.halves.items():
                own.setdefault((name, half.layout.id), []).append(number)
        self._stacks = [
            _Stack(numbers, [sketches[number].halves[name] for number in numbers]) for (name, _), numbers in own.items()
        ]
        kinds: dict[frozenset[int], int] = {}
        stacks_of = [
            frozenset(place for place, it in enumerate(self._stacks) if n in it.row) for n in range(self._count)
        ]
        self._kinds = np.array([kinds.setdefault(stacks, len(kinds)) for stacks in stacks_of])

    def equal(self, one: int) -> list[int]:
        """Those of which a half is mostly equal to the one's, up to rounding: all copies are among them."""
        found = np.zeros(self._count, bool)
        for stack in self._stacks_of(one):
            found[stack.numbers] |= stack.equal(stack.row[one])
        found[one] = False
        return _places(found)

    def close(self, one: int, nearest: int, farthest: float) -> list[int]:
        """Those that have more in common than being similar, and the nearest of the others.

        Args:
            nearest: how many at least of those with the same halves, and of those with one in common.
            farthest: the largest distance that is of interest.
        """
        special = np.zeros(self._count, bool)
        special[self.equal(one)] = True
        squares, halves = np.zeros(self._count), np.zeros(self._count)
        for stack in self._stacks_of(one):
            multiple, apart = stack.apart(stack.row[one])
            special[stack.numbers] |= multiple
            squares[stack.numbers] += apart
            halves[stack.numbers] += 1
        special[one] = False
        distances = np.where(halves, squares / np.maximum(halves, 1), np.inf)
        distances[special] = distances[one] = np.inf
        same = self._kinds == self._kinds[one]
        for group in (np.flatnonzero(same), np.flatnonzero(~same)):
            own = distances[group]
            limit = farthest**2
            if len(own) > nearest:
                limit = min(limit, float(np.partition(own, nearest - 1)[nearest - 1]))
            special[group[own <= limit + MARGIN]] = True
        return _places(special)

    def _stacks_of(self, one: int) -> list[_Stack]:
        return [stack for stack in self._stacks if one in stack.row]


class _Stack:
    """Halves with the same layout.

    Attributes:
        numbers: of the sketches that they belong to; ``row`` is the reverse.
    """

    def __init__(self, numbers: Sequence[int], halves: Sequence[Half]) -> None:
        self.numbers = np.array(numbers)
        self.row = {number: row for row, number in enumerate(numbers)}
        self._halves = halves
        self._probes: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._units: list[tuple[Singles, Singles, Flags | None]] = []
        self._told: tuple[int, Flags, Singles] | None = None

    def equal(self, row: int) -> Flags:
        """Of which halves most values are equal to those of a row up to rounding."""
        if self._probes is None:
            self._probes = probes(self._halves)
        values, bounds = self._probes
        return mostly_equal(values[row], bounds[row], values, bounds)

    def apart(self, row: int) -> tuple[Flags, Singles]:
        """Which halves may be a row rescaled, and the squared distances."""
        first = row - row % ROWS
        if self._told is None or self._told[0] != first:
            self._told = (first, *self._compared(slice(first, first + ROWS)))
        return self._told[1][row - first], self._told[2][row - first]

    def _compared(self, rows: slice) -> tuple[Flags, Singles]:
        """The same for some rows: rows × halves."""
        units = self._tensors()
        count = len(self._halves)
        taken = len(range(*rows.indices(count)))
        lowest, other_factor = np.ones((taken, count), np.float32), np.zeros((taken, count), bool)
        squares = np.zeros((taken, count), np.float32)
        for unit, norms, zero in units:
            cosines, ours = unit[rows] @ unit.T, norms[rows, None]
            told = cosines if zero is None else np.where(zero[rows, None] | zero, 1, cosines)
            np.minimum(lowest, told, out=lowest)
            off = cosines * norms - ours  # (factor − 1) · norm
            other_factor |= np.abs(off, out=off) > (SMALLEST_FACTOR - MARGIN) * ours
            mean = (np.square(norms) + np.square(ours)) / 2
            cosines *= norms
            cosines *= ours
            squares += (mean - cosines) / np.maximum(mean, SMALLEST_SCALE**2)
        return (lowest >= SMALLEST_COSINE - MARGIN) & other_factor, squares * 2 / len(units)

    def _tensors(self) -> list[tuple[Singles, Singles, Flags | None]]:
        """Of each tensor: the values of all halves with a norm of 1, their norms (root mean squares), and which are zero, if any
        are: those are multiples of everything."""
        if not self._units:
            layout = self._halves[0].layout
            values = np.stack([half.values for half in self._halves])
            norms = np.sqrt(np.stack([half.squares for half in self._halves])).astype(np.float32)
            for place, (start, count) in enumerate(zip(layout.starts, layout.counts, strict=True)):
                norm = norms[:, place]
                scale = np.where(norm, norm, 1) * np.float32(np.sqrt(count))
                zero = norm == 0
                unit = np.ascontiguousarray(values[:, start : start + count] / scale[:, None])
                self._units.append((unit, np.ascontiguousarray(norm), zero if zero.any() else None))
        return self._units


def _places(flags: Flags) -> list[int]:
    found: list[int] = np.flatnonzero(flags).tolist()
    return found
