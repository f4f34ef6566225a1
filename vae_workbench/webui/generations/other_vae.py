"""A VAE beside the one in use: in a network of its own, with the number format and the guard of those that make pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from modules import devices, processing
from torch import Tensor, nn

from ...autoencoder.autoencoder import Autoencoder, require_rgb
from ...autoencoder.kl import KLAutoencoder
from ...autoencoder.latent_space import LatentSpace
from ...autoencoder.open_file import open_autoencoder
from ...choice.fit import vae_traits
from ...compare.decoding.candidate import Candidate
from ...compare.decoding.latent_spaces import KnownSpace, mismatch, space_of
from ...compare.decoding.units import converted
from ...errors import InvalidInput
from ...identity.verdict import Certainty
from ...precision.guard.hooks import GuardHooks, Identity
from ...precision.guard.report import Report
from ...precision.guard.vae_guard import VaeGuard
from ..guarding import guard
from ..guarding import options as guard_options
from ..library import library
from .finish import as_pixels


class OtherVae:
    """Decodes latents of the model in use, which it leaves alone.

    Args:
        vae: a file.
        wraps_around: whether left and right, top and bottom are to fit together, as the web UI's "Tiling" has it.

    Attributes:
        told: what a person should know, in sentences.
        precision: what differs in how the latest picture was decoded, as it is in infotexts; empty if nothing does.

    Raises:
        WorkbenchError: it cannot be used.
    """

    def __init__(self, vae: Candidate, wraps_around: bool) -> None:
        self.told: list[str] = []
        self.precision = ""
        self._vae = vae
        self._entry = library().entry(os.fspath(vae.path))
        self._network = open_autoencoder(vae.path, half="decoder", device=devices.device, dtype=devices.dtype_vae)
        require_rgb(self._network, vae.name)
        if wraps_around:
            _wrap_around(self._network)
        self._decode: Callable[[Tensor], Any] = self._network.decode
        if isinstance(self._network, KLAutoencoder) and guard_options.enabled():
            self._decode = self._guarded(self._network)

    def decoded(self, latents: Tensor, space: LatentSpace | None) -> np.ndarray[Any, Any]:
        """The picture of one latent, H×W×3 in 0..255.

        Args:
            latents: 1×C×h×w, scaled.
            space: of the model that they are from, if it is known.

        Raises:
            WorkbenchError: this VAE cannot decode them.
        """
        self._require_fit(latents)
        self.precision = ""
        known = KnownSpace(space, Certainty.CERTAIN if space else Certainty.UNKNOWN)
        own = space_of(self._entry.verdict, self._network)
        raw, notes = converted(
            latents.to(self._network.device, self._network.dtype),
            from_scaled=True,
            to_scaled=self._network.latents_are_scaled,
            latent=known,
            vae=own,
        )
        self._tell(*mismatch(known, own), *notes)
        with torch.no_grad(), guard.without_autocast():
            images = self._decode(raw)
        return as_pixels(torch.clamp((images[0].float() + 1.0) / 2.0, min=0.0, max=1.0))

    def _require_fit(self, latents: Tensor) -> None:
        network = self._network
        if (latents.shape[1], processing.opt_f) != (network.latent_channels, network.downscale):
            raise InvalidInput(
                f"{self._vae.name} decodes latents of {network.latent_channels} channels at 1/{network.downscale} of the "
                f"size, and this model makes {latents.shape[1]} channels at 1/{processing.opt_f}",
                "Choose VAEs of the model's latent space",
            )

    def _guarded(self, network: Autoencoder) -> Callable[[Tensor], Any]:
        path, traits = os.fspath(self._vae.path), vae_traits(self._entry)
        identity = Identity(self._vae.name, path)
        if traits:
            identity = Identity(self._vae.name, path, traits.sketch_id, traits.known_as)
        hooks = GuardHooks(guard_options.rungs, guard.without_autocast, devices.torch_gc, (), self._report)
        vae_guard = VaeGuard(network, lambda: identity, guard.plans(), hooks)
        return lambda latents: vae_guard.decode(network.decode, latents)

    def _report(self, report: Report) -> None:
        self.precision = report.precision
        if report.repaired:
            self._tell(report.sentence)

    def _tell(self, *sentences: str) -> None:
        self.told += [sentence for sentence in sentences if sentence not in self.told]


def _wrap_around(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.padding_mode = "circular"
