"""Latents of one VAE in the units of another: raw, or multiplied by the scale factor of their latent space."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..autoencoder.latent_space import LATENT_SPACES, LatentSpace
from ..errors import InvalidInput

# The tiny autoencoders that use scaled latents are published under these names; the first that fits counts.
PUBLISHED_NAMES = (("taesdxl", "sdxl"), ("taesd3", "sd3"), ("taef1", "flux1"), ("taesd", "sd1"))


def converted(
    latents: torch.Tensor,
    *,
    from_scaled: bool,
    to_scaled: bool,
    file_names: Sequence[str],
    latent_space: LatentSpace | None,
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """``latents`` (B×C×h×w) in the other units if they differ, and one sentence where the latent space was a guess.

    Raises:
        InvalidInput: the units differ and the latent space can be told neither by the caller nor by the file names, or
            its channels do not fit.
    """
    if from_scaled == to_scaled:
        return latents, ()
    space, notes = (latent_space, ()) if latent_space else _guess(file_names)
    if space.channels != latents.shape[1]:
        raise InvalidInput(
            f"The latent space {space.name} has {space.channels} channels, and these latents have {latents.shape[1]}",
            "Choose the latent space that the VAEs were made for",
        )
    return (space.to_scaled(latents) if to_scaled else space.to_raw(latents)), notes


def _guess(file_names: Sequence[str]) -> tuple[LatentSpace, tuple[str, ...]]:
    for published, name in PUBLISHED_NAMES:
        for file_name in file_names:
            if published in file_name.lower():
                return LATENT_SPACES[name], (f"Latent space {name}: a guess from the name {file_name}.",)
    raise InvalidInput(
        f"{' and '.join(file_names)} scale latents differently, and nothing tells their latent space",
        f"Name the latent space: {', '.join(LATENT_SPACES)}",
    )
