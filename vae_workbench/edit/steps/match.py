"""The look of another VAE."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...autoencoder.autoencoder import Autoencoder, require_rgb
from ...autoencoder.build import load_autoencoder
from ...autoencoder.latent_space import LATENT_SPACES
from ...errors import InvalidInput
from ...progress import Progress, part
from ..match import Pair, fit_match, pixels_of
from ..open_files import OpenFiles
from ..state import State
from .extract import Extract
from .tone import Tone


@dataclass(frozen=True)
class MatchLook:
    """Tones the VAE so that its pictures have the colours of another's.

    Both decode what one of them encodes, or, if they are of different latent spaces, each what itself encodes.

    Attributes:
        like: the other VAE; of a checkpoint, the VAE inside.
        pictures: what to find the change on, each 1×3×H×W in −1..1.
        decoder_only: as in :class:`.tone.Tone`.
    """

    like: str | os.PathLike[str]
    pictures: tuple[Tensor, ...]
    decoder_only: bool = False

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:
        extract = Extract(expected=False)
        own, other = (extract.apply(one, files, progress) for one in (state, files.open(self.like)))
        networks = [load_autoencoder(one.load_vae()) for one in (own, other)]
        for network, one in zip(networks, (own, other), strict=True):
            require_rgb(network, one.name)
        pairs = []
        for number, picture in enumerate(self.pictures):
            within = part(progress, number / len(self.pictures), (number + 1) / len(self.pictures))
            pairs.append(_both(networks[0], networks[1], own, other, picture, within))
        found = fit_match(pairs)
        toned = Tone(found.change, self.decoder_only).apply(own, files, progress)
        done = {
            "step": "match",
            "like": other.name,
            "measure": found.measure,
            "before": found.before,
            "after": found.after,
        }
        sources = (
            f"{len(pairs)} sources, each left out once" if len(pairs) > 1 else "one source, each half left out once"
        )
        return replace(
            toned, done=(*state.done, done, *toned.done[len(own.done) :]), files=(*own.files, *other.files)
        ).noted(
            f"The colours were {found.before:.2f} of 255 steps apart from those of {other.name}, and are {found.after:.2f} now, "
            f"as measured on {sources} (least squares {found.measure})."
        )


def _both(one: Autoencoder, other: Autoencoder, own: State, theirs: State, picture: Tensor, progress: Progress) -> Pair:
    """What both make of a picture."""
    space, same = LATENT_SPACES.get(own.latent_space or ""), one.latent_channels == other.latent_channels
    if own.latent_space and theirs.latent_space:
        same = own.latent_space == theirs.latent_space
    encoders = [network for network in (one, other) if network.has_encoder]
    if not (one.has_decoder and other.has_decoder) or not (len(encoders) == 2 or (encoders and same)):
        raise InvalidInput(
            f"{own.name} and {theirs.name} have not the halves that it takes to compare them", "Choose whole VAEs"
        )
    height, width = (
        side // max(one.downscale, other.downscale) * max(one.downscale, other.downscale) for side in picture.shape[2:]
    )
    picture = picture[..., :height, :width]
    pixels = []
    with torch.inference_mode():
        for number, decoder in enumerate((one, other)):
            encoder = encoders[0] if same else decoder
            latents = encoder.encode(picture, part(progress, number / 2, number / 2 + 0.2))
            if encoder.latents_are_scaled != decoder.latents_are_scaled:
                if space is None:
                    raise InvalidInput(f"The latent space of {own.name} is not known", "Choose VAEs that are known")
                latents = space.to_scaled(latents) if decoder.latents_are_scaled else space.to_raw(latents)
            pixels.append(pixels_of(decoder.decode(latents, part(progress, number / 2 + 0.2, number / 2 + 0.5))))
    return pixels[0], pixels[1]
