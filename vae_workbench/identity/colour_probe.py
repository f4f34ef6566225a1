"""The colour probe: which latent space an encoder speaks, told by the colours it sees.

A fixed chart of colours is encoded, and RGB fitted as a linear function of the latent. The fit points in the direction of the
published factors of one latent space and not of the other; no scale factor is needed for that. Costs one encode of 128×128
pixels on the CPU in fp32 and the reading of the encoder.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..autoencoder.autoencoder import Autoencoder
from ..autoencoder.build import load_autoencoder
from ..autoencoder.names import canonical_names
from ..errors import MissingHalf, UnknownArchitecture
from ..progress import Progress, part, silent
from ..weights.reader import open_weights
from .evidence import SPACE_NAMES, Evidence
from .sketch import half_of
from .verdict import Certainty

FACTORS = {
    "sd1": (
        (0.3512, 0.2297, 0.3227),
        (0.3250, 0.4974, 0.2350),
        (-0.2829, 0.1762, 0.2721),
        (-0.2120, -0.2616, -0.7177),
    ),
    "sdxl": (
        (0.3651, 0.4232, 0.4341),
        (-0.2533, -0.0042, 0.1068),
        (0.1076, 0.1111, -0.0362),
        (-0.3165, -0.2492, -0.2188),
    ),
}
"""From latent channels (rows) to R, G, B in −1..1 (columns), up to a factor. The numbers are those that ComfyUI previews with
(Comfy-Org/ComfyUI@a125cd8, comfy/latent_formats.py). For other latent spaces none are published."""

SMALLEST_MARGIN = 0.2
SMALLEST_COSINE = 0.7
"""Measured with the distilled encoders: 0.96 for the own space and 0.52 for the other with SD1, 0.92 and 0.41 with SDXL. The
cosine of random directions in these 12 dimensions exceeds 0.7 in 1 of 250 cases."""


@dataclass(frozen=True)
class Probe:
    """What the probe measured.

    Attributes:
        cosines: latent space → cosine of the measured factors with the published ones.
        seconds: what it cost, reading included.
    """

    cosines: dict[str, float]
    seconds: float

    @property
    def evidence(self) -> Evidence | None:
        """What follows; none when the two are too close, or neither is close."""
        (best, cosine), (_, second), *_ = sorted(self.cosines.items(), key=lambda item: -item[1])
        if not (cosine >= SMALLEST_COSINE and cosine - second >= SMALLEST_MARGIN):  # NaN is no evidence either
            return None
        return Evidence(
            best,
            Certainty.LIKELY,
            f"The colour probe fits {SPACE_NAMES[best]} (cosine {cosine:.2f}, the next {second:.2f}; "
            f"it took {self.seconds:.1f} s).",
        )


def probe_file(path: str | os.PathLike[str], progress: Progress = silent) -> Probe:
    """Probes the encoder of a VAE file or checkpoint. Only its encoder is read.

    Raises:
        FileProblem: the file cannot be read.
        MissingHalf: it has no encoder.
        UnknownArchitecture: it holds no encoder that can be run here, or none of 4 channels.
        Cancelled: ``progress`` raised it.
    """
    start = time.perf_counter()
    with open_weights(path) as reader:
        names = {
            name: source
            for name, source in canonical_names(reader.inventory.tensors).items()
            if half_of(name) == "encoder"
        }
        if not names:
            raise MissingHalf("This VAE has no encoder", "Probe a complete VAE")
        first = names.get("encoder.conv_in.weight", names.get("encoder.0.weight"))
        if first and reader.inventory.tensors[first].shape[1:2] != (3,):
            raise UnknownArchitecture("This VAE is not for pictures of red, green and blue", "Probe those that are")
        tensors = {}
        for number, source in enumerate(names.values()):
            progress(0.5 * number / len(names), "reading the encoder")
            tensors[source] = reader.load(source)
    cosines = probe(load_autoencoder(tensors), part(progress, 0.5, 1.0))
    return Probe(cosines, time.perf_counter() - start)


def probe(encoder: Autoencoder, progress: Progress = silent) -> dict[str, float]:
    """Latent space → cosine of the encoder's colours with the published factors, −1..1.

    Args:
        encoder: of 4 channels; scaled or raw latents are all the same. One with broken weights gives NaN.

    Raises:
        UnknownArchitecture: it has another number of channels.
    """
    if encoder.latent_channels != 4:
        raise UnknownArchitecture(
            f"Colours of latents of {encoder.latent_channels} channels are not published",
            "Probe VAEs of 4 channels only",
        )
    picture = chart(encoder.downscale)
    with torch.inference_mode():
        latent = encoder.encode(picture, progress)
    if not latent.isfinite().all():
        return dict.fromkeys(FACTORS, math.nan)
    colours = F.avg_pool2d(picture, encoder.downscale)
    measured = _factors(latent.float().cpu(), colours)
    return {space: _cosine(measured, torch.tensor(factors)) for space, factors in FACTORS.items()}


def chart(downscale: int = 8) -> Tensor:
    """8×8 random colours, enlarged until each takes 2×2 places of the latent: 1×3×H×H in −1..1, always the same."""
    colours = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return F.interpolate(colours, scale_factor=2 * downscale, mode="bicubic").clamp(-1, 1)


def _factors(latent: Tensor, colours: Tensor) -> Tensor:
    """A of RGB = A·z + b by least squares, as channels × 3."""
    z, rgb = (planes.flatten(2)[0].T.double() for planes in (latent, colours))
    solution: Tensor = torch.linalg.lstsq(torch.cat((z, torch.ones(len(z), 1)), 1), rgb).solution
    return solution[:-1].float()


def _cosine(one: Tensor, other: Tensor) -> float:
    return float(F.cosine_similarity(one.flatten(), other.flatten(), dim=0))
