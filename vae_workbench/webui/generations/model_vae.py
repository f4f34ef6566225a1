"""The VAE in a model of the web UI, and the latent space in which the model works."""

from __future__ import annotations

import math
from typing import Any

from modules import shared

from ...autoencoder.latent_space import LATENT_SPACES, LatentSpace
from ...lazy_dataclass import dataclass
from ..choosing import vae_list
from ..library import library
from ..switching.loaded_vae import BAKED_ORIGIN
from ..switching.switch import loaded_vae

FULL = "Full"
"""The web UI's word for decoding with the VAE, and not with an approximation of it."""


@dataclass(frozen=True)
class ModelVae:
    """What decodes in a model.

    Attributes:
        name: for people.
        path: the file that holds it, a VAE or a checkpoint; empty where that is not known.
        checkpoint: the model's name.
        space: the latent space of the model, if it is known.
    """

    name: str
    path: str
    checkpoint: str
    space: LatentSpace | None


def model_vae(model: Any) -> ModelVae:
    """What a model decodes with now."""
    loaded = loaded_vae(model)
    checkpoint, space = library().entry(loaded.checkpoint).name, latent_space(model)
    if shared.opts.sd_vae_decode_method != FULL:
        return ModelVae(str(shared.opts.sd_vae_decode_method), "", checkpoint, space)
    if loaded.origin and loaded.origin.trial:
        return ModelVae(loaded.origin.trial.label, "", checkpoint, space)
    if loaded.origin is None or loaded.origin == BAKED_ORIGIN or not loaded.origin.path:
        return ModelVae(f"baked in {checkpoint}", loaded.checkpoint, checkpoint, space)
    return ModelVae(vae_list.name_of(loaded.origin.path), loaded.origin.path, checkpoint, space)


def latent_space(model: Any) -> LatentSpace | None:
    """That in which a model works, told by the factor by which it scales latents."""
    scale = getattr(getattr(model, "latent_format", model), "scale_factor", None)
    if scale is None:
        return None
    spaces = (space for space in LATENT_SPACES.values() if math.isclose(space.scale, float(scale), rel_tol=1e-4))
    return next(spaces, None)
