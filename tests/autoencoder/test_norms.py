"""GroupNorm to the last digits, in any memory format."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.autoencoder.peers import error
from vae_workbench.autoencoder.norms import SLAB, Norm

FORMATS = [torch.contiguous_format, torch.channels_last]


def lively_norm(width: int = 64) -> Norm:
    norm = Norm(32, width, eps=1e-6)
    with torch.no_grad():
        norm.weight.normal_(1.0, 0.1)
        norm.bias.normal_(0.0, 0.1)
    return norm.requires_grad_(False)


def truth(norm: Norm, x: Tensor) -> Tensor:
    return F.group_norm(x.double(), 32, norm.weight.double(), norm.bias.double(), norm.eps)


def channels_last_map(*shape: int, mean: float = 0.0) -> Tensor:
    return (torch.randn(shape) + mean).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("mean", [0.0, 3.0, 300.0])
@pytest.mark.parametrize("overwrite", [False, True])
def test_channels_last_maps_lose_no_digits(mean: float, overwrite: bool) -> None:
    """torch sums such a map up in one chain and subtracts squares: of this one, 300 deviations from zero, it leaves no digit.
    The measure is what it does with the same map when it is contiguous."""
    norm, x = lively_norm(), channels_last_map(1, 64, 96, 100, mean=mean)
    expected, contiguous = truth(norm, x), norm(x.contiguous())
    norm.overwrites = overwrite
    result = norm(x)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert error(result, expected) <= 3 * error(contiguous, expected)
    assert (result.data_ptr() == x.data_ptr()) == overwrite


@pytest.mark.parametrize("size", [(1, 1), (1, SLAB), (32, SLAB // 32), (31, 67)])
@pytest.mark.parametrize("memory_format", FORMATS)
def test_any_size_and_any_number_of_pictures(size: tuple[int, int], memory_format: torch.memory_format) -> None:
    norm = lively_norm()
    x = torch.randn(2, 64, *size).contiguous(memory_format=memory_format)
    assert torch.allclose(norm(x).double(), truth(norm, x), atol=1e-4)


@pytest.mark.parametrize("memory_format", FORMATS)
def test_what_is_not_to_be_overwritten_is_not(memory_format: torch.memory_format) -> None:
    norm, x = lively_norm(), torch.randn(1, 64, 9, 9).contiguous(memory_format=memory_format)
    before = x.clone()
    norm(x)
    assert torch.equal(x, before)


def test_nan_stays_in_its_group() -> None:
    norm, x = lively_norm(), channels_last_map(1, 64, 9, 9)
    x[0, 5, 3, 3] = float("nan")
    broken = norm(x).isnan().flatten(2).any(2)[0]
    assert broken.nonzero().flatten().tolist() == [4, 5]


def test_gradients_flow_through_channels_last_maps() -> None:
    norm, x = lively_norm().requires_grad_(True), channels_last_map(1, 64, 9, 9).requires_grad_(True)
    norm(x).square().mean().backward()
    assert x.grad is not None and norm.weight.grad is not None and norm.weight.grad.isfinite().all()
