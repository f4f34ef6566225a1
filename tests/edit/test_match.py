"""The fit of a change of colours."""

from __future__ import annotations

import pytest
import torch

from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.match import fit_match, pixels_of
from vae_workbench.errors import InvalidInput


def pictures(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 0.6 + 0.2


def test_a_change_is_found_to_the_last_digits() -> None:
    change = ColourChange.of(saturation=1.3, contrast=0.9, temperature=0.3)
    pairs = [(pixels_of(x * 2 - 1), pixels_of(change.of_pixels(x) * 2 - 1)) for x in (pictures(1), pictures(2))]
    found = fit_match(pairs)
    assert torch.allclose(found.change.matrix.float(), change.matrix, atol=1e-4)
    assert torch.allclose(found.change.offset.float(), change.offset, atol=1e-4)
    assert found.before > 5 and found.after < 0.01


def test_the_measure_that_holds_out_better_is_taken() -> None:
    """Bright pixels obey one change and dark ones another: linear light counts the bright ones more."""
    x = torch.linspace(0, 1, 999)[:, None].expand(-1, 3)
    for inside, measure in ((x[:, 0] > 0.8, "linear light"), (x[:, 0] < 0.2, "as displayed")):
        y = torch.where(inside[:, None], 0.9 * x + 0.05, x)
        assert fit_match([(x, y), (x[inside], y[inside]), (x[inside][::2], y[inside][::2])]).measure == measure


def test_pixels_of_one_colour_give_a_change_that_is_finite() -> None:
    flat = torch.full((50, 3), 0.5)
    found = fit_match([(flat, flat), (flat, flat)])
    assert found.change.matrix.isfinite().all() and found.after < 1e-3


def test_what_holds_no_numbers() -> None:
    with pytest.raises(InvalidInput):
        fit_match([(torch.full((4, 3), float("nan")), torch.zeros(4, 3))])
