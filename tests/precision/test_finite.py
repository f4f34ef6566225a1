"""Every element counts."""

from __future__ import annotations

import pytest
import torch

from vae_workbench.precision.finite import all_finite

DTYPES = [torch.float16, torch.bfloat16, torch.float32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_one_bad_element_at_1000_random_positions(dtype: torch.dtype, bad: float) -> None:
    """The web UI looks at x[0, 0, 0] alone (D6)."""
    x = torch.randn(2, 3, 24, 40, dtype=dtype)
    places = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(0))[:1000]
    flat = x.view(-1)
    for place in places.tolist():
        good = flat[place].clone()
        flat[place] = bad
        assert not all_finite(x), place
        flat[place] = good
    assert all_finite(x)


def test_infinities_of_both_signs_do_not_cancel() -> None:
    assert not all_finite(torch.tensor([float("inf"), -float("inf")]))


@pytest.mark.parametrize(
    ("dtype", "largest"), [(torch.float16, 65504.0), (torch.float32, 3.4e38), (torch.bfloat16, 3.38e38)]
)
def test_a_sum_that_overflows_is_no_false_alarm(dtype: torch.dtype, largest: float) -> None:
    assert all_finite(torch.full((1, 3, 64, 64), largest, dtype=dtype))


def test_layouts_without_order() -> None:
    x = torch.zeros(1, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert all_finite(x) and all_finite(x[..., ::2])
    x[0, 2, 7, 6] = float("nan")
    assert not all_finite(x) and not all_finite(x[..., ::2])


def test_nothing_is_finite() -> None:
    assert all_finite(torch.zeros(0, 3, 8, 8))
