"""The check of a file: damaged weights, and how much room its activations leave in a number format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..autoencoder.autoencoder import require_rgb
from ..autoencoder.kl import KLAutoencoder
from ..autoencoder.open_file import open_autoencoder
from ..errors import InvalidInput, MissingHalf, UnknownArchitecture
from ..identity.colour_probe import chart
from ..identity.damage import damaged_tensors
from ..identity.examine import examine
from ..identity.unusable import unusable
from ..precision.check import HalfCheck, run_checked
from ..precision.finite import all_finite
from ..progress import Progress, part, silent

NOISE = 5.5
"""Standard deviation of raw SD1 latents: 1 / 0.18215."""


@dataclass(frozen=True)
class FileCheck:
    """What a check found.

    Attributes:
        damaged: names, as in the file, of tensors with NaN or infinite weights.
        halves: those that were run.
        warnings: sentences on what is wrong with a file whose weights are finite, such as layers of zeros.
    """

    damaged: tuple[str, ...]
    halves: tuple[HalfCheck, ...]
    warnings: tuple[str, ...] = ()


def check_file(
    path: str | os.PathLike[str],
    *,
    picture: Tensor | None = None,
    latents: Tensor | None = None,
    dtype: str = "fp16",
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> FileCheck:
    """Checks the VAE of a file, in fp32: its encoder on a picture, and its decoder on what its encoder makes of that.

    A VAE without an encoder, or with one that gives no numbers, decodes noise of the size of raw SD1 latents.

    Args:
        path: a VAE or a checkpoint.
        picture: 1×3×H×W in −1..1, cut to whole places of the latent; a chart of colours if it is left out.
        latents: raw, B×C×h×w; if given, they are decoded and nothing is encoded.
        dtype: the format to fit into, a key of :data:`..precision.check.LIMITS`.
        device: where to compute.
        progress: called before each tensor and each layer.

    Raises:
        FileProblem: the file cannot be read.
        UnknownArchitecture: it holds no autoencoder that can be run here.
        InvalidInput: it is a tiny autoencoder or not for RGB pictures, or the latents or the picture do not fit.
        MissingHalf: there are latents and no decoder.
        Cancelled: ``progress`` raised it.
    """
    damaged = damaged_tensors(path, part(progress, 0.0, 0.4))
    progress(0.4, "reading the weights")
    try:
        network = open_autoencoder(path, device=device)
    except UnknownArchitecture as error:
        raise unusable(path, Path(path).name, error) from error
    if not isinstance(network, KLAutoencoder):
        raise InvalidInput(f"{Path(path).name} is a tiny autoencoder", "It cannot overflow: there is nothing to check")
    require_rgb(network, Path(path).name)
    if latents is not None and not network.has_decoder:
        raise MissingHalf(f"{Path(path).name} has no decoder for these latents", "Check its encoder, with a picture")
    halves: list[HalfCheck] = []
    if latents is None and network.has_encoder:
        given = _whole_places(chart(network.downscale) if picture is None else picture, network.downscale)
        checked, encoded = run_checked(network, "encoder", given, dtype, part(progress, 0.5, 0.7, "encoding, "))
        halves.append(checked)
        latents = encoded if all_finite(encoded) else None
    if network.has_decoder:
        given = _noise(network.latent_channels) if latents is None else latents
        halves.append(run_checked(network, "decoder", given, dtype, part(progress, 0.7, 1.0, "decoding, "))[0])
    return FileCheck(tuple(damaged), tuple(halves), examine(path).warnings)


def _whole_places(picture: Tensor, downscale: int) -> Tensor:
    height, width = (side // downscale * downscale for side in picture.shape[2:])
    return picture[..., :height, :width]


def _noise(channels: int) -> Tensor:
    return NOISE * torch.randn(1, channels, 16, 16, generator=torch.Generator().manual_seed(0))
