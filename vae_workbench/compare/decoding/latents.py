"""Latents on their way from what made them to the VAE that decodes them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ...autoencoder.autoencoder import Autoencoder
from ...autoencoder.latent_space import LatentSpace
from ...errors import InvalidInput
from ...identity.verdict import Certainty, Verdict
from ...precision.finite import all_finite
from ...precision.guard.report import upstream
from ...progress import Progress
from ..sources.picture import Picture, pad_to_multiple
from ..sources.sources import SourceLatents
from .candidate import Candidate
from .latent_spaces import KnownSpace, mismatch, space_of
from .opened import OpenedVae
from .units import converted


@dataclass(frozen=True)
class Latents:
    """A picture's latents, in the units that ``are_scaled`` tells.

    Attributes:
        values: 1×C×h×w.
        are_scaled: see :class:`...autoencoder.autoencoder.Autoencoder`.
        downscale: pixels for one place.
        space: their latent space; matters only to other VAEs than the maker.
        maker: the VAE that encoded; ``None``: a source brought them.
        notes: of the encoding, or of the source.
        warnings: of the encoding.
        precision: of the encoding, empty where there was none.
    """

    values: Tensor
    are_scaled: bool
    downscale: int
    space: KnownSpace = field(default_factory=KnownSpace)
    maker: Candidate | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    precision: str = ""


def encoded(vae: OpenedVae, picture: Picture, progress: Progress, space: KnownSpace | None = None) -> Latents:
    """What a VAE makes of a picture, padded to what its downscale divides."""
    network, maker = vae.network, vae.candidate
    ran = vae.encode(pad_to_multiple(picture.pixels * 2 - 1, network.downscale), progress)
    notes = ran.notes
    if not torch.isfinite(ran.values).all():
        notes = (*notes, f"The encoder of {maker.name} already made numbers that are not finite.")
    scaled, downscale = network.latents_are_scaled, network.downscale
    return Latents(ran.values, scaled, downscale, space or KnownSpace(), maker, notes, ran.warnings, ran.precision)


def brought(latents: SourceLatents, named: LatentSpace | None) -> Latents:
    """Latents of a source, with the latent space that a person ``named`` where nothing else tells it."""
    space = KnownSpace()
    if latents.space:
        space = KnownSpace(latents.space, Certainty.CERTAIN, "What made the latent tells it.")
    elif named:
        space = KnownSpace(named, Certainty.CERTAIN, "It was named.")
    return Latents(latents.values, latents.are_scaled, latents.downscale, space, notes=latents.notes)


def fitting(
    latents: Latents, network: Autoencoder, candidate: Candidate, verdict: Verdict | None
) -> tuple[Tensor, tuple[str, ...]]:
    """The latents in the units of the VAE that is to decode them, and what a person should know of that.

    Raises:
        InvalidInput: they are not for this VAE, or nothing tells their units.
        NotFinite: a source brought NaN or infinite values.
    """
    if latents.maker is None and not all_finite(latents.values):
        raise upstream("decoder")
    if latents.maker and os.fspath(latents.maker.path) == os.fspath(candidate.path):
        return latents.values, ()
    channels = latents.values.shape[1]
    if (channels, latents.downscale) != (network.latent_channels, network.downscale):
        made = f"{latents.maker.name} makes" if latents.maker else "this latent has"
        raise InvalidInput(
            f"{candidate.name} decodes latents of {network.latent_channels} channels at 1/{network.downscale} of "
            f"the size, and {made} {channels} channels at 1/{latents.downscale}",
            "Choose VAEs of one latent space, or let each use its own encoder"
            if latents.maker
            else "Choose another VAE",
        )
    if latents.are_scaled == network.latents_are_scaled and latents.space.certainty < Certainty.LIKELY:
        return latents.values, ()  # whatever the VAE's space is, nothing follows
    own = space_of(verdict, network)
    _refuse_misfit(latents, own, candidate)
    values, notes = converted(
        latents.values,
        from_scaled=latents.are_scaled,
        to_scaled=network.latents_are_scaled,
        latent=latents.space,
        vae=own,
    )
    return values, (*mismatch(latents.space, own), *notes)


def _refuse_misfit(latents: Latents, own: KnownSpace, candidate: Candidate) -> None:
    """A source's latent cannot be made anew by another encoder, so that a VAE of another space has nothing to do with it."""
    sure = min(latents.space.certainty, own.certainty) >= Certainty.CERTAIN
    if latents.maker is None and sure and latents.space.space != own.space:
        raise InvalidInput(
            f"{candidate.name} is a VAE of {own.title}, and this latent is of {latents.space.title}",
            "Choose another VAE",
        )
