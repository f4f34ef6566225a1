"""Units of latents."""

from __future__ import annotations

import pytest
import torch

from vae_workbench.autoencoder.latent_space import LATENT_SPACES


@pytest.mark.parametrize(
    ("name", "channels", "raw", "scaled"),
    [("sd1", 4, 1.0, 0.18215), ("sdxl", 4, 2.0, 0.2605), ("sd3", 16, 1.0609, 1.5305), ("flux1", 16, 0.1159, 0.0),
     ("flux2", 32, 0.5, 0.5)],
)  # fmt: skip
def test_published_constants(name: str, channels: int, raw: float, scaled: float) -> None:
    space = LATENT_SPACES[name]
    assert space.name == name and space.channels == channels
    assert space.to_scaled(torch.tensor(raw)).item() == pytest.approx(scaled, abs=1e-6)
    assert space.to_raw(torch.tensor(scaled)).item() == pytest.approx(raw, abs=1e-6)


def test_raw_to_the_last_bit() -> None:
    """A cell was not quite the picture that the web UI had made of the same latent: pixels are cut off, not rounded."""
    z = torch.randn(4096, generator=torch.Generator().manual_seed(0))
    assert torch.equal(LATENT_SPACES["sd1"].to_raw(z), 1.0 / 0.18215 * z)
    assert torch.equal(LATENT_SPACES["sd3"].to_raw(z), z / 1.5305 + 0.0609)
