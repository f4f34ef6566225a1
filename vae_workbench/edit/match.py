"""The change of colours that makes the pictures of one VAE look like those of another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput
from .adjust import ColourChange

Pair = tuple[Tensor, Tensor]
"""What both VAEs make of one source: pixels × 3, in 0..1 and beyond."""

LEVELS = 255.0
"""Errors are told in steps of 8-bit pictures."""


@dataclass(frozen=True)
class Match:
    """A change that was found.

    Attributes:
        change: of the first VAE's pictures.
        measure: ``as displayed`` or ``linear light``: in which the squares of the errors were made least.
        before: root mean square of the difference between both VAEs' pictures, in 8-bit steps.
        after: the same with the change, on sources that were not used to find it.
    """

    change: ColourChange
    measure: str
    before: float
    after: float


def _alike(values: Tensor) -> Tensor:
    return torch.ones_like(values)


def _linear_light(values: Tensor) -> Tensor:
    """The slope of the curve from sRGB values to linear light (IEC 61966-2-1): what an error weighs there."""
    inside = values.clamp(0, 1)
    return torch.where(inside <= 0.04045, 1 / 12.92, 2.4 / 1.055 * ((inside + 0.055) / 1.055) ** 1.4)


MEASURES: Mapping[str, Callable[[Tensor], Tensor]] = {"as displayed": _alike, "linear light": _linear_light}
"""How much an error weighs, by the value that should be there."""


def fit_match(pairs: Sequence[Pair]) -> Match:
    """The change from the first of each pair to the second, by the measure that holds better on what was left out.

    Each source is left out once; of a single one, each half.

    Raises:
        InvalidInput: there are no pixels, or some are no numbers.
    """
    if not pairs or any(not bool(values.isfinite().all()) or not len(values) for pair in pairs for values in pair):
        raise InvalidInput("Pictures to match are missing or hold no numbers", "Choose other sources or VAEs")
    doubled = [(one.double(), other.double()) for one, other in pairs]
    folds = doubled if len(doubled) > 1 else _halves(doubled[0])
    held_out = {}
    for name, weigh in MEASURES.items():
        squares = [
            _error(_fit([pair for other, pair in enumerate(folds) if other != place], weigh), folds[place])
            for place in range(len(folds))
        ]
        held_out[name] = _mean(squares)
    best = min(held_out, key=lambda name: held_out[name])
    nothing = ColourChange(torch.eye(3), torch.zeros(3))
    before = _mean(_error(nothing, pair) for pair in folds)
    return Match(_fit(doubled, MEASURES[best]), best, before, held_out[best])


def pixels_of(pictures: Tensor) -> Tensor:
    """B×3×H×W in −1..1 as pixels × 3 in 0..1."""
    return pictures.permute(0, 2, 3, 1).reshape(-1, 3) / 2 + 0.5


def _halves(pair: Pair) -> list[Pair]:
    middle = len(pair[0]) // 2
    return [(pair[0][:middle], pair[1][:middle]), (pair[0][middle:], pair[1][middle:])]


def _fit(pairs: Sequence[Pair], weigh: Callable[[Tensor], Tensor]) -> ColourChange:
    before = torch.cat([one for one, _ in pairs])
    after = torch.cat([other for _, other in pairs])
    with_offset = torch.cat([before, torch.ones(len(before), 1, dtype=before.dtype)], dim=1)
    rows = []
    for channel in range(3):
        weight = weigh(after[:, channel : channel + 1])
        weighted = with_offset * weight
        # The normal equations: 4×4, whatever the number of pixels; pinv for pictures of few colours.
        rows.append(
            torch.linalg.pinv(weighted.T @ weighted) @ (weighted.T @ (after[:, channel : channel + 1] * weight))
        )
    found = torch.cat(rows, dim=1).T
    return ColourChange(found[:, :3], found[:, 3])


def _error(change: ColourChange, pair: Pair) -> float:
    """Mean square in 8-bit steps, of the pictures as they are displayed."""
    changed = pair[0] @ change.matrix.T.to(pair[0]) + change.offset.to(pair[0])
    return float((changed.clamp(0, 1) - pair[1].clamp(0, 1)).square().mean()) * LEVELS**2


def _mean(squares: Iterable[float]) -> float:
    values = list(squares)
    return math.sqrt(sum(values) / len(values))
