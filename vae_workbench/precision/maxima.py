"""The largest activation of every part of a network, recorded while it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from .structure import Part

FP16_MAX = 65504.0
"""The largest fp16 number."""

Maxima = Mapping[str, float]
"""Part → largest absolute value of its output, in the order of running; NaN or infinite where the output was."""


@contextmanager
def measuring(parts: Iterable[Part]) -> Iterator[dict[str, float]]:
    """Records the maxima of everything that runs within the context; they are complete when it is left.

    Hooks are set on the modules and removed afterwards. A part that runs more than once, for tiles or for pictures, keeps
    its largest value. What lies between two parts, such as products inside attention, is not seen.
    """
    found: dict[str, float] = {}
    seen: dict[str, Tensor] = {}

    def note(name: str, _module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.numel():
            largest = torch.linalg.vector_norm(output.detach(), math.inf).float()
            seen[name] = torch.maximum(seen[name], largest) if name in seen else largest

    handles = [part.module.register_forward_hook(partial(note, part.name)) for part in parts]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
        if seen:  # fetched at once: waiting for a GPU at every layer would slow it down
            found.update(zip(seen, torch.stack(list(seen.values())).tolist(), strict=True))


def merged(one: Maxima, other: Maxima) -> dict[str, float]:
    """The larger of both, part by part."""
    return {name: max(one.get(name, 0.0), other.get(name, 0.0)) for name in dict.fromkeys((*one, *other))}


def first_not_finite(maxima: Maxima) -> str | None:
    """The part where the first NaN or infinity appeared."""
    return next((name for name, largest in maxima.items() if not math.isfinite(largest)), None)


def first_over(maxima: Maxima, limit: float = FP16_MAX) -> tuple[str, float] | None:
    """The first part whose output would not fit, and its maximum."""
    return next(((name, largest) for name, largest in maxima.items() if not largest <= limit), None)
