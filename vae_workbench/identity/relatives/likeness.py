"""How alike two sketches are: equal, equal up to rounding, changed in few layers, rescaled, or how far apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

import numpy as np
from numpy.typing import NDArray

from ...lazy_dataclass import dataclass
from ..number_formats import Rounding
from ..sketch import Half, Sketch
from .rescaling import Scales, rescaled, worth_a_look

Values = NDArray[np.float32]
Floats = NDArray[np.float64]

SMALLEST_SCALE = 2**-13
"""Tensors with smaller values count as if theirs were this large in distances: fp16 rounds below 2⁻¹⁴ to multiples of 2⁻²⁴."""

PROBES = 64
"""Values that tell strangers; most pairs are such."""

MOST_CHANGED = 8
"""Tensors. Where more differ, they are not told by name."""


@dataclass(frozen=True)
class HalfLikeness:
    """How alike two halves with the same tensors are. It is the same from both sides, but for ``scales``.

    Attributes:
        copy: ``copy`` for equal values, ``fp16 copy`` and the like for values that are equal up to the rounding of this
            format, the coarser of the two; ``None`` if they differ.
        excess: the largest difference in relation to what rounding allows; up to 1 in a copy, and infinite for strangers.
        distance: the root mean square over tensors of ‖one − other‖ ÷ the mean of their norms: 0 for equal ones, about 1.4
            for those trained apart, at most 2.
        changed: names of the tensors that differ by more than rounding, if they are few.
        scales: how the one is the other rescaled, if it is.
    """

    copy: str | None
    excess: float
    distance: float
    changed: tuple[str, ...] = ()
    scales: Scales | None = None

    def reversed(self) -> HalfLikeness:
        """The same from the other side."""
        return replace(self, scales=self.scales.reversed()) if self.scales else self


@dataclass(frozen=True)
class Likeness:
    """How alike two sketches are.

    Attributes:
        halves: those that both have with the same tensors.
        only_one, only_other: halves that the other lacks, or has with other tensors.
    """

    halves: Mapping[str, HalfLikeness] = field(default_factory=dict)
    only_one: frozenset[str] = frozenset()
    only_other: frozenset[str] = frozenset()

    def reversed(self) -> Likeness:
        """The same from the other side."""
        return Likeness({name: half.reversed() for name, half in self.halves.items()}, self.only_other, self.only_one)

    @property
    def same_parts(self) -> bool:
        """Whether the two have the same tensors."""
        return bool(self.halves) and not self.only_one and not self.only_other

    @property
    def equal_halves(self) -> tuple[str, ...]:
        """Halves that are copies."""
        return tuple(name for name, half in self.halves.items() if half.copy)

    @property
    def copy(self) -> str | None:
        """How equal the two are, as in :class:`HalfLikeness`; ``None`` if anything differs, or a half is missing."""
        if not self.same_parts or len(self.equal_halves) < len(self.halves):
            return None
        return max(self.halves.values(), key=lambda half: (half.copy != "copy", half.excess)).copy

    @property
    def excess(self) -> float:
        """The largest of the halves."""
        return max((half.excess for half in self.halves.values()), default=np.inf)

    @property
    def distance(self) -> float:
        """Over the halves compared; infinite if there is none."""
        if not self.halves:
            return float("inf")
        return float((sum(half.distance**2 for half in self.halves.values()) / len(self.halves)) ** 0.5)


def compare(one: Sketch, others: Sequence[Sketch]) -> list[Likeness]:
    """How alike ``one`` and each of the others are. Blank sketches are like nothing."""
    found: list[dict[str, HalfLikeness]] = [{} for _ in others]
    for name, half in one.halves.items():
        rows = [row for row, other in enumerate(others) if _comparable(one, other, name)]
        told = _compared(half, [others[row].halves[name] for row in rows])
        for row, likeness in zip(rows, told, strict=True):
            found[row][name] = likeness
    return [
        Likeness(halves, frozenset(one.halves.keys() - halves), frozenset(other.halves.keys() - halves))
        for halves, other in zip(found, others, strict=True)
    ]


def _comparable(one: Sketch, other: Sketch, name: str) -> bool:
    half = other.halves.get(name)
    return half is not None and half.layout.id == one.halves[name].layout.id and not (one.blank or other.blank)


def _compared(one: Half, others: Sequence[Half]) -> list[HalfLikeness]:
    if not others:
        return []
    values = np.stack([other.values for other in others])
    apart = np.subtract(values, one.values, dtype=np.float64)
    squares = one.layout.means(np.square(apart, out=apart))
    norms = np.stack([other.squares for other in others])
    scale = np.maximum((norms + one.squares) / 2, SMALLEST_SCALE**2)
    distances = np.sqrt((squares / scale).mean(1)).tolist()
    (probed,), (bound,) = probes([one])
    near = mostly_equal(probed, bound, *probes(others)).tolist()
    multiple = worth_a_look(one.squares, norms, squares)
    found = []
    for other, distance, is_near, is_multiple in zip(others, distances, near, multiple, strict=True):
        if is_near:
            found.append(_near(one, other, distance))
        else:
            scales = rescaled(one, other) if is_multiple else None
            found.append(HalfLikeness(None, np.inf, distance, scales=scales))
    return found


def probes(halves: Sequence[Half]) -> tuple[Floats, Floats]:
    """Some values of each half and how far rounding may have moved them, halves × values: enough to tell strangers."""
    part = slice(None, None, max(1, halves[0].values.size // PROBES))
    values = np.stack([half.values[part] for half in halves]).astype(np.float64)
    return values, np.stack([half.rounding.bound[part] for half in halves])


def mostly_equal(one: Floats, bound: Floats, others: Floats, bounds: Floats) -> NDArray[np.bool_]:
    """Of which of the others most probes are equal up to rounding. Where a program clamped, more than rounding is between; a few
    values, if any."""
    found: NDArray[np.bool_] = (np.abs(others - one) <= bounds + bound).mean(1) >= 0.5
    return found


def _near(one: Half, other: Half, distance: float) -> HalfLikeness:
    """Most of the values are equal up to rounding."""
    excess = one.layout.largest(_excess(one, other))
    largest = float(excess.max())
    if largest <= 1:
        name = "copy" if np.array_equal(one.values, other.values) else f"{_coarser(one, other).name} copy"
        return HalfLikeness(name, largest, distance)
    changed = [one.layout.names[number] for number in np.flatnonzero(excess > 1)]
    scales = rescaled(one, other)
    return HalfLikeness(None, largest, distance, tuple(changed) if len(changed) <= MOST_CHANGED else (), scales)


def _excess(one: Half, other: Half) -> Floats:
    """The difference of each value in relation to what the rounding of both allows."""
    a, b = one.rounding, other.rounding
    ours = np.clip(one.values.astype(np.float64), -b.largest, b.largest)
    theirs = np.clip(other.values.astype(np.float64), -a.largest, a.largest)
    found: Floats = np.abs(ours - theirs) / (a.bound + b.bound)
    return found


def _coarser(one: Half, other: Half) -> Rounding:
    return min(one.rounding, other.rounding, key=lambda rounding: rounding.digits)
