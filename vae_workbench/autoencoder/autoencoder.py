"""What every autoencoder here can do, whatever its network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..errors import InvalidInput, MissingHalf
from ..progress import Progress, silent

Step = tuple[str, Callable[[Tensor], Tensor]]
"""A layer and the name of the stage it belongs to."""


NO_ENCODER = "It can still decode: give it latents, or choose another VAE that encodes for it"
NO_DECODER = "It can still encode: choose another VAE that decodes what it makes"
"""What a VAE is good for of which one half is missing."""


class Autoencoder(nn.Module, ABC):
    """Images to latents and back.

    Images are B×3×H×W in −1..1 on both sides. Latents are B×C×h×w, in units that ``latents_are_scaled`` tells: ``False``
    means raw, as the encoder of a KL autoencoder gives them; ``True`` means (raw − shift) · scale, as a diffusion model
    has them. :class:`.latent_space.LatentSpace` converts.

    Inputs are moved to the network's device and dtype; results stay there. Gradients are recorded if the weights ask for
    them, which those of :func:`.build.load_autoencoder` do not.

    Attributes:
        latents_are_scaled: the units of latents, in and out.
        latent_channels: C.
        image_channels: of the picture that goes into the encoder and of the one that comes out of the decoder, as far as
            there are both; 3 in the networks that this program is about, red, green and blue.
        downscale: pixels of the picture for one place of the latent, along each axis.
    """

    latents_are_scaled: ClassVar[bool]

    @property
    @abstractmethod
    def latent_channels(self) -> int: ...

    @property
    @abstractmethod
    def downscale(self) -> int: ...

    @property
    @abstractmethod
    def image_channels(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def has_encoder(self) -> bool: ...

    @property
    @abstractmethod
    def has_decoder(self) -> bool: ...

    @abstractmethod
    def _encode(self, images: Tensor, progress: Progress) -> Tensor: ...

    @abstractmethod
    def _decode(self, latents: Tensor, progress: Progress) -> Tensor: ...

    def encode(self, images: Tensor, progress: Progress = silent) -> Tensor:
        """Images B×3×H×W in −1..1 to latents B×C×h×w.

        Sizes that ``downscale`` does not divide are taken as they are: a KL autoencoder rounds h and w down, a tiny one up.

        Args:
            images: the pictures, at least ``downscale`` pixels high and wide.
            progress: called before each layer, so that a cancel stops within a picture.

        Raises:
            MissingHalf: there is no encoder.
            InvalidInput: the shape of ``images`` does not fit.
            Cancelled: ``progress`` raised it.
        """
        if not self.has_encoder:
            raise MissingHalf("This VAE has no encoder", NO_ENCODER)
        if images.ndim != 4 or images.shape[1] != self.image_channels[0] or min(images.shape[2:]) < self.downscale:
            raise InvalidInput(
                f"A picture of shape {tuple(images.shape)} cannot be encoded",
                f"Give a B×{self.image_channels[0]}×H×W picture of at least {self.downscale}×{self.downscale} pixels",
            )
        return self._encode(images.to(self.device, self.dtype), progress)

    def decode(self, latents: Tensor, progress: Progress = silent) -> Tensor:
        """Latents B×C×h×w to images B×3×H×W, ``downscale`` times as high and wide, about −1..1 and not clamped.

        Args:
            latents: in the units that ``latents_are_scaled`` tells.
            progress: called before each layer, so that a cancel stops within a picture.

        Raises:
            MissingHalf: there is no decoder.
            InvalidInput: the shape of ``latents`` does not fit.
            Cancelled: ``progress`` raised it.
        """
        if not self.has_decoder:
            raise MissingHalf("This VAE has no decoder", NO_DECODER)
        if latents.ndim != 4 or latents.shape[1] != self.latent_channels or 0 in latents.shape:
            raise InvalidInput(
                f"A latent of shape {tuple(latents.shape)} cannot be decoded",
                f"This VAE takes B×{self.latent_channels}×h×w",
            )
        return self._decode(latents.to(self.device, self.dtype), progress)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


def require_rgb(autoencoder: Autoencoder, name: str) -> None:
    """Refuses networks for pictures of other channels: depth, transparency, layers, or pixels folded into channels.

    Args:
        autoencoder: any.
        name: what to call it.

    Raises:
        InvalidInput: with the channels that it has.
    """
    channels = autoencoder.image_channels
    if set(channels) != {3}:
        told = f"{channels[0]} in and {channels[-1]} out" if len(set(channels)) > 1 else f"{channels[0]}"
        raise InvalidInput(
            f"{name} is not for RGB pictures, which have 3 channels: the channels of its pictures are {told}",
            "Choose a VAE for RGB pictures",
        )


def run(steps: Sequence[Step], x: Tensor, progress: Progress) -> Tensor:
    """``x`` through all steps, telling ``progress`` before each and at the end."""
    for index, (name, step) in enumerate(steps):
        progress(index / len(steps), name)
        x = step(x)
    progress(1.0, "done")
    return x
