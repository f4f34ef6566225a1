"""How alike two sketches are: equal, equal up to rounding, or how far apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sketch import Half, Sketch

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Rung:
    """A degree of likeness: every single value differs by no more than this.

    Attributes:
        name: what the less precise of the two is.
        relative: the bound in relation to the larger of the two values.
        absolute: the bound for values close to zero.
    """

    name: str
    relative: float
    absolute: float


RUNGS = (
    Rung("copy", 0.0, 0.0),
    Rung("fp16 copy", 2**-11, 2**-24),
    Rung("bf16 copy", 2**-8 + 2**-10, 2**-24),
)
"""From the closest. fp16 rounds to 11 bits: by at most 2⁻¹¹ of the value, or 2⁻²⁵ below 2⁻¹⁴, doubled here for two of them.
bf16 rounds to 8 bits, by at most 2⁻⁸, and there is room for rounding to fp16 first. The bounds hold for every value, so no
copy is missed; and a finetune would have to stay within them at every one of the thousands of places."""

SMALLEST_SCALE = 2**-13
"""Tensors with smaller values count as if theirs were this large in distances: fp16 rounds below 2⁻¹⁴ to multiples of 2⁻²⁴."""


def comparable(one: Half | None, other: Half | None) -> bool:
    """Whether two halves have the same tensors."""
    return one is not None and other is not None and one.layout.id == other.layout.id


def stacked(halves: Sequence[Half]) -> Values:
    """The values of halves of one layout as rows."""
    return np.stack([half.values for half in halves])


def rungs(half: Half, others: Values) -> list[Rung | None]:
    """For each row of ``others`` (n × values), the closest rung that it meets with ``half``, or ``None``."""
    step = max(1, half.values.size // 64)
    # Most rows are strangers, and some 64 of the values tell that.
    near = _within(half.values[::step], others[:, ::step], RUNGS[-1]).nonzero()[0]
    found: list[Rung | None] = [None] * len(others)
    for rung in reversed(RUNGS):
        near = near[_within(half.values, others[near], rung)]
        for row in near.tolist():
            found[row] = rung
    return found


def _within(values: Values, others: Values, rung: Rung) -> NDArray[np.bool_]:
    bound = np.maximum(np.abs(values), np.abs(others)) * np.float32(rung.relative) + np.float32(rung.absolute)
    close: NDArray[np.bool_] = (np.abs(others - values) <= bound).all(1)
    return close


def weights(half: Half) -> NDArray[np.float64]:
    """A weight for each value, so that a squared difference of sketches is the mean over tensors of their relative ones.

    Weights of norms are about 1 and those of convolutions 0.02; without this, the norms alone would be compared.
    """
    numbers = half.layout.tensor_of
    counts = np.maximum(half.layout.counts, 1)
    squares = np.bincount(numbers, np.square(half.values, dtype=np.float64), len(counts))
    scales = np.maximum(squares / counts, SMALLEST_SCALE**2)
    each: NDArray[np.float64] = (1 / (scales * counts * len(counts)))[numbers]
    return each


def distances(half: Half, others: Values) -> NDArray[np.float64]:
    """For each row of ``others``, the root mean square over tensors of ‖other − half‖ ÷ ‖half‖."""
    with np.errstate(over="ignore"):  # broken files hold anything; infinitely far apart is right
        found: NDArray[np.float64] = np.sqrt(np.square(others - half.values) @ weights(half))
    return found


@dataclass(frozen=True)
class Likeness:
    """How alike two sketches are, of one's point of view.

    Attributes:
        rungs: for each half that both have with the same tensors, how equal it is.
        distances: for each of these halves, how far apart.
        whole: whether all halves of the one were compared.
    """

    rungs: dict[str, Rung | None]
    distances: dict[str, float]
    whole: bool

    @property
    def rung(self) -> Rung | None:
        """How equal the whole one is: the farthest rung of its halves; ``None`` if any half differs."""
        met = [rung for rung in self.rungs.values() if rung is not None]
        if not self.whole or not met or len(met) < len(self.rungs):
            return None
        return max(met, key=RUNGS.index)

    @property
    def distance(self) -> float:
        """Over the halves compared; infinite if there is none."""
        if not self.distances:
            return float("inf")
        return float((sum(d * d for d in self.distances.values()) / len(self.distances)) ** 0.5)


def compare(one: Sketch, others: Sequence[Sketch]) -> list[Likeness]:
    """How alike ``one`` and each of the others are. Blank sketches are like nothing."""
    shared = [_shared(one, other) for other in others]
    found = [Likeness({}, {}, whole=names == set(one.halves)) for names in shared]
    for name, half in one.halves.items():
        rows = [row for row, names in enumerate(shared) if name in names]
        if not rows:
            continue
        values = stacked([others[row].halves[name] for row in rows])
        for row, rung, distance in zip(rows, rungs(half, values), distances(half, values).tolist(), strict=True):
            found[row].rungs[name] = rung
            found[row].distances[name] = distance
    return found


def _shared(one: Sketch, other: Sketch) -> set[str]:
    """The halves that can be compared."""
    if one.blank or other.blank:
        return set()
    return {name for name, half in one.halves.items() if comparable(half, other.halves.get(name))}
