"""Small VAEs with random weights, made once and alike for every test."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file

from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape


@lru_cache(maxsize=8)
def _weights(seed: int, latent_channels: int) -> dict[str, torch.Tensor]:
    """A kl-f8 network of width 32, with weights that give pictures with contrast."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = KLAutoencoder(KLShape.standard(width=32, blocks=1, latent_channels=latent_channels))
        return {name: value.detach().clone() for name, value in network.state_dict().items()}


def small_kl(seed: int = 0, latent_channels: int = 4) -> dict[str, torch.Tensor]:
    """The tensors of a small KL autoencoder, LDM names; the same for the same seed."""
    return dict(_weights(seed, latent_channels))


def save_small_kl(path: Path, seed: int = 0, latent_channels: int = 4) -> Path:
    """Writes one as a .safetensors file."""
    save_file(small_kl(seed, latent_channels), path)
    return path
