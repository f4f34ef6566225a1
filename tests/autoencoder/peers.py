"""Networks with random weights, and how far two results differ."""

from __future__ import annotations

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
