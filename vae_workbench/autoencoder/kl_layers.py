"""The layers of a KL autoencoder, computed the fast way where that gives the same numbers.

Measured on two AVX-512 cores in fp32, torch 2.13, decode at 256² against diffusers, which computes each layer as written:

* Half of the time that is not spent in convolutions goes into touching fresh memory, so activations and sums are written
  over what is not needed any more.
* oneDNN has to reorder a contiguous map before and after every convolution, which costs a third of the time on the large
  maps of the outer levels; channels-last maps go in as they are. See :func:`layout`.
* The convolution after a nearest-neighbour ×2 multiplies equal pixels with different weights. Adding those weights first
  takes 2.25 times fewer multiplications. See :class:`Upsample`.
"""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .kl_shape import EPS, GROUPS
from .norms import Norm

CHANNELS_LAST_UP_TO = 256
"""The widest map that a CPU keeps channels last. Above it, at 512 channels, oneDNN's channels-last kernel is no faster on
the small maps of the inner levels, and its sum over 9 · 512 products in one chain errs 1.1e-6 instead of 2.4e-7."""


def norm(width: int) -> Norm:
    return Norm(GROUPS, width, eps=EPS)


def conv3(width_in: int, width_out: int) -> nn.Conv2d:
    return nn.Conv2d(width_in, width_out, 3, padding=1)


def conv1(width_in: int, width_out: int) -> nn.Conv2d:
    return nn.Conv2d(width_in, width_out, 1)


def swish(x: Tensor) -> Tensor:
    """x · sigmoid(x), written over ``x``, which is the fresh output of a norm wherever this is used."""
    return F.silu(x, inplace=True)


def layout(device: torch.device, width: int) -> torch.memory_format:
    """The memory format that suits convolutions to ``width`` channels on this device."""
    channels_last = device.type == "cuda" or (device.type == "cpu" and width <= CHANNELS_LAST_UP_TO)
    return torch.channels_last if channels_last else torch.contiguous_format


class ResnetBlock(nn.Module):
    """x + conv2(swish(norm2(conv1(swish(norm1(x)))))), with a 1×1 convolution on x where the width changes.

    Attributes:
        as_written: whether nothing is reordered, see :mod:`.as_written`.
    """

    as_written = False

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.norm1 = norm(width_in)
        self.conv1 = conv3(width_in, width_out)
        self.norm2 = norm(width_out)
        self.norm2.overwrites = True  # what conv1 gives, which nothing else reads
        self.conv2 = conv3(width_out, width_out)
        self.nin_shortcut = conv1(width_in, width_out) if width_in != width_out else None

    def forward(self, x: Tensor) -> Tensor:
        suited = torch.contiguous_format if self.as_written else layout(x.device, self.conv2.out_channels)
        x = x.contiguous(memory_format=suited)
        h: Tensor = self.conv1(swish(self.norm1(x)))
        h = self.conv2(swish(self.norm2(h)))
        return h.add_(x if self.nin_shortcut is None else self.nin_shortcut(x))


class AttnBlock(nn.Module):
    """x + attention between all places of the map, one head as wide as the map is deep.

    Attributes:
        as_written: see :mod:`.as_written`.
    """

    as_written = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = norm(width)
        self.q = conv1(width, width)
        self.k = conv1(width, width)
        self.v = conv1(width, width)
        self.proj_out = conv1(width, width)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        if self.as_written:
            return self._as_written(x, normed)
        q, k, v = (places(layer(normed)) for layer in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(q, k, v)
        h: Tensor = self.proj_out(attended.squeeze(1).transpose(1, 2).reshape(x.shape))
        return h.add_(x)

    def _as_written(self, x: Tensor, normed: Tensor) -> Tensor:
        q, k, v = (layer(normed).flatten(2) for layer in (self.q, self.k, self.v))
        weights = torch.bmm(q.permute(0, 2, 1), k).mul_(int(q.shape[1]) ** -0.5)
        attended = torch.bmm(v, F.softmax(weights, dim=2).permute(0, 2, 1))
        h: Tensor = self.proj_out(attended.reshape(x.shape))
        return x + h


def places(x: Tensor) -> Tensor:
    """B×C×H×W to B×1×HW×C: each place a token, one head."""
    return x.flatten(2).transpose(1, 2).unsqueeze(1)


class Downsample(nn.Module):
    """Half the resolution: a 3×3 convolution of stride 2 on a map that is padded at the right and at the bottom only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return y


class Upsample(nn.Module):
    """Double the resolution: each place repeated 2×2, then a 3×3 convolution.

    In the doubled map each 3×3 window covers just 2×2 different places. Which of the nine weights meet the same place is
    known for each of the four positions that an output pixel can have in its 2×2 ("phase"), so each phase is a 2×2
    convolution of the small map with sums of the weights: 16 products for four pixels instead of 36, and twice as fast
    on a CPU. Zeros around the small map stand for zeros around the doubled one, so that borders are the same too.
    Nothing is kept: the sums are cheap beside the convolution, and the weights may change between two calls.

    Attributes:
        as_written: whether the doubled map is made all the same, see :mod:`.as_written`.
    """

    as_written = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = conv3(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self._by_phases(x) if self._phases_pay(x) else self._as_written(x)

    def _phases_pay(self, x: Tensor) -> bool:
        """On a CPU in fp32, with zeros around the map. GPUs are not short of multiplications; sums of half-precision weights
        would be rounded, and gradients would need all four phases kept."""
        recording = torch.is_grad_enabled() and self.conv.weight.requires_grad
        plain = x.device.type == "cpu" and x.dtype == torch.float32 and self.conv.padding_mode == "zeros"
        return plain and not recording and not self.as_written

    def _as_written(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return y

    def _by_phases(self, x: Tensor) -> Tensor:
        batch, width, height, breadth = x.shape
        y = torch.empty(batch, width, 2 * height, 2 * breadth, memory_format=layout(x.device, width))
        for row, column in product((0, 1), (0, 1)):
            kernel = _summed(_summed(self.conv.weight, 2, row), 3, column)
            windows = F.conv2d(x, kernel, self.conv.bias, padding=1)
            y[..., row::2, column::2] = windows[..., row : row + height, column : column + breadth]
        return y


def _summed(weight: Tensor, axis: int, phase: int) -> Tensor:
    """Three weights along ``axis`` to the two that a pixel of this phase sees: (a, b + c) first, (a + b, c) second."""
    a, b, c = torch.split(weight, 1, axis)
    return torch.cat((a, b + c) if phase == 0 else (a + b, c), axis)
