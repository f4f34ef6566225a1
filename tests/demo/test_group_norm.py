"""The GroupNorm with the fast gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from demo.group_norm import GroupNorm


def test_its_gradients_are_those_of_torch() -> None:
    torch.manual_seed(0)
    x = (torch.randn(2, 8, 5, 7, dtype=torch.float64) * 3 + 1).contiguous(memory_format=torch.channels_last)
    weight, bias, wanted = torch.rand(8).double(), torch.randn(8).double(), torch.randn(2, 8, 5, 7).double()
    gradients = []
    inputs = [tensor.requires_grad_() for tensor in (x, weight, bias)]
    for y in (F.group_norm(x, 4, weight, bias, 1e-6), GroupNorm.apply(x, weight, bias, 4, 1e-6)):
        gradients.append(torch.autograd.grad((y - wanted).square().sum(), inputs))
    for given, right in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(given, right, rtol=1e-4, atol=1e-4)
