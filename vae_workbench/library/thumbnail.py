"""Thumbnails: what each VAE makes of the same test latent, so that VAEs can be told apart by eye.

The latents are those of a chart with a face, colours, a ramp from black to white and fine lines, one for each latent space;
``demo.chart.py`` says how they were made. There is none for Flux.2, for spaces that are not known here, and for a VAE
whose latent space could not be told: a VAE of those encodes the chart itself and decodes that. So its thumbnail shows its
own round trip, and can be compared with the others all the same.
"""

from __future__ import annotations

import io
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..autoencoder.autoencoder import Autoencoder, require_rgb
from ..autoencoder.latent_space import LATENT_SPACES
from ..autoencoder.open_file import open_autoencoder
from ..errors import MissingHalf
from ..progress import Progress, part, silent
from ..weights.reader import load_tensors

TEST_LATENTS = Path(__file__).with_name("test_latents.safetensors")
"""``picture``: 1×3×128×128 in 0..255. ``sd1``, ``sdxl``, ``sd3``, ``flux1``: its raw latents, 1×C×16×16."""

SIDE = 128
"""Pixels of a thumbnail, along each axis."""

CHECK = 8
"""Pixels of a square of the pattern that stands for what is not a number."""

CHECKS = ((255, 0, 255), (0, 0, 0))
"""Magenta and black, as renderers draw what is missing."""


def thumbnail(
    path: str | os.PathLike[str],
    space: str | None,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> bytes:
    """A PNG, 128×128, of what the VAE of a file makes of the chart, computed in fp32.

    Pixels that are not finite numbers are drawn as magenta and black checks.

    Args:
        path: a VAE file or a checkpoint.
        space: its latent space, a key of :data:`..autoencoder.latent_space.LATENT_SPACES`, or ``None`` if not known.
        device: where to compute.
        progress: called before each layer.

    Raises:
        FileProblem: the file cannot be read.
        UnknownArchitecture: it holds no autoencoder that can be run here.
        InvalidInput: it is not for RGB pictures.
        MissingHalf: it has no decoder, or no encoder where its latent space has no test latent.
        Cancelled: ``progress`` raised it.
    """
    progress(0.0, "reading the weights")
    network = open_autoencoder(path, device=device)
    require_rgb(network, Path(path).name)
    if not network.has_decoder:
        raise MissingHalf("This file has an encoder only, which draws no pictures", "Choose a file with a decoder")
    require_rgb(network, Path(path).name)
    with torch.inference_mode():
        latent = _latent(network, space, part(progress, 0.2, 0.5))
        image = network.decode(latent, part(progress, 0.5, 1.0)).float().cpu()
    return _png(image)


@lru_cache(maxsize=1)
def chart_and_latents() -> dict[str, Tensor]:
    """What is in :data:`TEST_LATENTS`, as float32."""
    return {name: tensor.float() for name, tensor in load_tensors(TEST_LATENTS).items()}


def _latent(network: Autoencoder, space: str | None, progress: Progress) -> Tensor:
    """The latent to decode, in the units of the network."""
    raw = chart_and_latents().get(space or "")
    if space is not None and raw is not None and raw.shape[1] == network.latent_channels:
        return LATENT_SPACES[space].to_scaled(raw) if network.latents_are_scaled else raw
    if not network.has_encoder:
        raise MissingHalf(
            "This file has a decoder only, and its latent space has no test latent", "Choose a complete VAE"
        )
    return network.encode(chart_and_latents()["picture"] / 127.5 - 1, progress)


def _png(image: Tensor) -> bytes:
    """An image 1×3×H×W, about −1..1, as a PNG of the size of a thumbnail."""
    if image.shape[2:] != (SIDE, SIDE):
        image = F.interpolate(image, (SIDE, SIDE), mode="nearest-exact")
    finite = image[0].isfinite().all(0)
    pixels = image[0].nan_to_num(0, 0, 0).add(1).mul(127.5).round().clamp(0, 255)
    shown = torch.where(finite, pixels, _checks()).permute(1, 2, 0).to(torch.uint8).numpy()
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _checks() -> Tensor:
    """The pattern for what is not a number, 3×128×128 in 0..255."""
    squares = torch.arange(SIDE) // CHECK
    odd = (squares[:, None] + squares) % 2 == 1
    first, second = (torch.tensor(colour, dtype=torch.float32)[:, None, None] for colour in CHECKS)
    return torch.where(odd, second, first)
