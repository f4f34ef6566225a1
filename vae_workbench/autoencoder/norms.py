"""GroupNorm that can hold still: with statistics measured elsewhere, the same for every tile of a picture.

A GroupNorm subtracts the mean of the map that it sees and divides by its deviation. On a tile those are the tile's, so that
a tile of sky and a tile of grass are normalised differently and do not fit together, however softly they are blended. See
:mod:`.tiled` for what sharing the statistics gains.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Statistics = tuple[Tensor, Tensor]
"""Mean and variance of each channel, float32."""


class Norm(nn.GroupNorm):
    """GroupNorm. With ``held``, each channel is normalised with those statistics instead of the map's own."""

    held: Statistics | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.held is None:
            return super().forward(x)
        mean, variance = self.held
        return F.batch_norm(x, mean, variance, self.weight.float(), self.bias.float(), training=False, eps=self.eps)

    def statistics(self, x: Tensor) -> Statistics:
        """The statistics that GroupNorm would use for ``x``, a single picture's map 1×C×H×W."""
        groups = x.float().reshape(self.num_groups, -1)
        variance, mean = torch.var_mean(groups, dim=1, correction=0)
        width = self.num_channels // self.num_groups
        return mean.repeat_interleave(width), variance.repeat_interleave(width)


@contextmanager
def measuring(network: nn.Module) -> Iterator[dict[Norm, Statistics]]:
    """Collects the statistics of every norm that is run through within the context."""
    seen: dict[Norm, Statistics] = {}

    def note(norm: Norm, inputs: tuple[Tensor, ...]) -> None:
        seen[norm] = norm.statistics(inputs[0])

    hooks = [norm.register_forward_pre_hook(note) for norm in norms(network)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def holding(statistics: dict[Norm, Statistics]) -> Iterator[None]:
    """Makes these norms use these statistics. No other thread may use the network meanwhile."""
    for norm, held in statistics.items():
        norm.held = held
    try:
        yield
    finally:
        for norm in statistics:
            norm.held = None


def norms(network: nn.Module) -> list[Norm]:
    return [module for module in network.modules() if isinstance(module, Norm)]
