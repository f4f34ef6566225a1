"""GroupNorm that sums large maps exactly enough, and that can hold its statistics still.

A GroupNorm subtracts the mean of the map that it sees and divides by its deviation. On a tile those are the tile's, so that
a tile of sky and a tile of grass are normalised differently and do not fit together, however softly they are blended. See
:mod:`.tiled` for what sharing the statistics gains.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Statistics = tuple[Tensor, Tensor]
"""Mean and variance of each picture and group, B×G, float32."""

STRIP = 4096
"""Places of a map that are summed at a time. On a CPU, torch adds up a channels-last map in one chain for each thread (torch
2.13): the result errs 3e-7 at 64², 3e-6 at 256² and 2e-5 at 512², and twice per ResNet block. In strips it is 5e-8."""


class Norm(nn.GroupNorm):
    """GroupNorm. While ``held`` is set, those statistics take the place of the map's own."""

    held: Statistics | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.held is not None:
            return self._normalised(x, self.held)
        if torch_sums_coarsely(x):
            return self._normalised(x, self.statistics(x))
        return super().forward(x)

    def statistics(self, x: Tensor) -> Statistics:
        """Mean and variance of the groups of ``x`` (B×C×H×W).

        Sums are taken strip by strip, of differences to the channel's mean in the first strip, so that a mean far from
        zero costs no digits.
        """
        strips = x.flatten(2).transpose(1, 2).split(STRIP, dim=1)
        centre = strips[0].float().mean(1, keepdim=True)
        sums, squares = [], []
        for strip in strips:
            difference = strip.float() - centre
            sums.append(difference.sum(1))
            squares.append(difference.square_().sum(1))
        places = x.shape[2] * x.shape[3]
        offset = torch.stack(sums).sum(0) / places
        variance = (torch.stack(squares).sum(0) / places - offset.square()).unflatten(1, (self.num_groups, -1))
        means = (centre.squeeze(1) + offset).unflatten(1, (self.num_groups, -1))
        mean = means.mean(2)
        return mean, (variance + (means - mean[..., None]).square()).mean(2)

    def _normalised(self, x: Tensor, statistics: Statistics) -> Tensor:
        mean, variance = (value[..., None] for value in statistics)
        weight, bias = (value.float().view(self.num_groups, -1) for value in (self.weight, self.bias))
        scale = weight * (variance + self.eps).rsqrt()
        shift = bias - mean * scale
        return torch.addcmul(*(value.flatten(1)[..., None, None].to(x.dtype) for value in (shift, scale)), x)


def torch_sums_coarsely(x: Tensor) -> bool:
    """Whether torch's own GroupNorm would lose digits. Where gradients are recorded, its backward is worth more."""
    recording = torch.is_grad_enabled() and x.requires_grad
    large = x.device.type == "cpu" and x.dtype == torch.float32 and x.shape[2] * x.shape[3] > STRIP
    return large and not recording and not x.is_contiguous()


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
