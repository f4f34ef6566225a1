"""A KL autoencoder computed as the LDM code base has it. That it is so to the last bit: ``tests/host/inside/test_ldm.py``."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.small_vaes import small_kl
from vae_workbench.autoencoder import as_written as module
from vae_workbench.autoencoder.as_written import as_written
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.kl_layers import Upsample

LATENTS = torch.randn(1, 4, 5, 6, generator=torch.Generator().manual_seed(1))


def test_it_gives_the_same_picture_by_other_sums() -> None:
    network = load_autoencoder(small_kl(1))
    fast = network.decode(LATENTS)
    with as_written(network, LATENTS):
        written = network.decode(LATENTS)
    assert torch.allclose(fast, written, atol=1e-4) and not torch.equal(fast, written)
    assert torch.equal(network.decode(LATENTS), fast), "it went on as it was written"


def test_the_doubled_map_goes_through_the_convolution() -> None:
    layer = Upsample(32).requires_grad_(False)
    x = torch.randn(1, 32, 4, 5)
    with as_written(layer, x):
        assert torch.equal(layer(x), layer.conv(F.interpolate(x, scale_factor=2.0, mode="nearest")))


def test_large_latents_are_computed_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole matrices of attention would not fit into memory."""
    monkeypatch.setattr(module, "MOST_PLACES", 29)
    network = load_autoencoder(small_kl(1))
    fast = network.decode(LATENTS)
    with as_written(network, LATENTS):
        assert torch.equal(network.decode(LATENTS), fast)
