"""Latents as small pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.views.latent_rgb import FACTORS, has_factors, preview


@pytest.mark.parametrize("name", FACTORS)
def test_colours_are_the_published_sum_of_channels(name: str) -> None:
    space = LATENT_SPACES[name]
    plain, changed = torch.zeros(1, space.channels, 2, 3), torch.zeros(1, space.channels, 2, 3)
    changed[0, 0, 1, 2] = 1.0
    before, after = (np.asarray(preview(values, space)).astype(int) for values in (plain, changed))
    assert before.shape == (2, 3, 3) and (before[0, 0] == after[0, 0]).all()
    assert after[1, 2] - before[1, 2] == pytest.approx(np.array(FACTORS[name][0]) * 127.5, abs=1)


def test_without_factors_what_differs_is_seen_to_differ() -> None:
    assert not has_factors(None) and not has_factors(LATENT_SPACES["flux2"])
    values = torch.zeros(1, 32, 4, 4)
    values[0, 7, :, 2:] = 3.0
    shown = np.asarray(preview(values, LATENT_SPACES["flux2"]))
    assert shown[0, 0, 0] < 100 and shown[0, 3, 0] > 150, "the main component is red, and more of it is lighter"


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_few_channels_and_values_that_are_no_numbers(channels: int) -> None:
    values = torch.randn(1, channels, 3, 3, generator=torch.Generator().manual_seed(1))
    values[0, 0, 0, 0], values[0, 0, 1, 1] = float("nan"), float("inf")
    assert preview(values, None).size == (3, 3)
    assert preview(values * 0, None).size == (3, 3)
