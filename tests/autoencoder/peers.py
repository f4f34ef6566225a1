"""Networks with random weights, and how far two results differ."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn


def lively(network: nn.Module) -> nn.Module:
    """Random norms and biases too, which are ones and zeros at first and would hide a mix-up."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1:
                parameter.normal_(1.0 if name.endswith("weight") else 0.0, 0.1)
    return network.requires_grad_(False).eval()


def relative(a: Tensor, b: Tensor) -> float:
    """The larger of ‖a − b‖ / ‖b‖ and max |a − b| / max |b|."""
    assert a.shape == b.shape
    norms = (a.float() - b.float()).norm() / b.float().norm()
    peaks = (a.float() - b.float()).abs().max() / b.float().abs().max()
    return float(max(norms, peaks))


FURTHER = 3
"""How many times as far from the truth as its peer one of our networks may be. Measured on the full-size KL autoencoders, three
seeds, both halves: 0.8 to 1.0 times on a processor with AVX2 only, where all convolutions sum in the same order; 1.8 to 2.3 times
with AVX-512, where oneDNN sums up a contiguous map, as diffusers has it, in blocks of 16 channels, and a channels-last one in one
chain. That is 3e-6, of pictures with 255 steps."""


def error(result: Tensor, truth: Tensor) -> float:
    """‖result − truth‖ / ‖truth‖, computed in float64."""
    assert result.shape == truth.shape
    return float((result.double() - truth.double()).norm() / truth.double().norm())


def assert_as_exact(ours: Tensor, theirs: nn.Module, run: Callable[[nn.Module, Tensor], Tensor], x: Tensor) -> None:
    """That ``ours`` is about as close to ``run(theirs, x)`` in float64 as ``run(theirs, x)`` itself is.

    Two float32 results differ by as much as both are wrong, which depends on the processor: on the order in which its
    kernels sum. So neither is the measure of the other.
    """
    truth = run(deepcopy(theirs).double(), x.double())
    assert error(ours, truth) <= FURTHER * error(run(theirs, x), truth)
