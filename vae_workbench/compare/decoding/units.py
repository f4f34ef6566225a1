"""Latents of one VAE in the units of another: raw, or multiplied by the scale factor of their latent space."""

from __future__ import annotations

from torch import Tensor

from ...autoencoder.latent_space import LATENT_SPACES
from ...errors import InvalidInput
from ...identity.verdict import Certainty
from .latent_spaces import KnownSpace


def converted(
    latents: Tensor, *, from_scaled: bool, to_scaled: bool, latent: KnownSpace, vae: KnownSpace
) -> tuple[Tensor, tuple[str, ...]]:
    """``latents`` (B×C×h×w) in the other units if they differ, and a sentence where their latent space is not known for sure.

    A latent has the scale factor of its own space, whatever VAE is to decode it: a diffusion model's latent means the same
    to all. Where that space is less sure than the VAE's, it is taken for the VAE's.

    Args:
        latents: to convert.
        from_scaled: their units, see :class:`...autoencoder.autoencoder.Autoencoder`.
        to_scaled: the units that are asked for.
        latent: what is known of the latent space of ``latents``.
        vae: what is known of that of the VAE that is to decode them.

    Raises:
        InvalidInput: the units differ, and nothing tells the latent space, or its channels do not fit.
    """
    if from_scaled == to_scaled:
        return latents, ()
    surer = latent if latent.certainty >= vae.certainty else vae
    if surer.space is None:
        raise InvalidInput(
            "The latent and the VAE that decodes it are scaled differently, and nothing tells the latent space",
            f"Name it: {', '.join(LATENT_SPACES)}",
        )
    if surer.space.channels != latents.shape[1]:
        raise InvalidInput(
            f"The latent space {surer.space.name} has {surer.space.channels} channels, and these latents have "
            f"{latents.shape[1]}",
            "Choose the latent space that the VAEs were made for",
        )
    notes: tuple[str, ...] = ()
    if surer.certainty < Certainty.LIKELY:
        notes = (f"The latent was scaled as one of {surer.title}. {surer.reason}",)
    elif surer is vae:
        notes = (
            f"Nothing tells the latent space of the latent for sure. It was scaled as one of {vae.title}, as this VAE is.",
        )
    return (surer.space.to_scaled if to_scaled else surer.space.to_raw)(latents), notes
