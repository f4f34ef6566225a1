"""How much room the activations of a VAE leave below the largest number of a format, stage by stage.

It is run once in fp32, on one picture or latent, and nothing is tried in the format itself: an overflow on a GPU is foreseen on a
CPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..autoencoder.kl import KLAutoencoder
from ..errors import MissingHalf
from ..progress import Progress, silent
from .learning import learned
from .maxima import FP16_MAX, Maxima, first_not_finite, measuring
from .plan import HalfPlan, Precision
from .structure import SUM, Half, Part, parts_of

LIMITS = {
    "fp16": FP16_MAX,
    "bf16": float(torch.finfo(torch.bfloat16).max),
    "fp32": float(torch.finfo(torch.float32).max),
}
"""The largest number of each format."""


@dataclass(frozen=True)
class Stage:
    """A block of the network, or a layer outside of any.

    Attributes:
        name: its path in the VAE.
        maximum: the largest absolute value of anything in it that was watched; infinite if it holds NaN or infinite values.
        headroom: how many times larger it may become; below 1 it overflows.
    """

    name: str
    maximum: float
    headroom: float


@dataclass(frozen=True)
class HalfCheck:
    """What one half does with one picture or latent.

    Attributes:
        half: which one.
        stages: in the order of running.
        needs: where it has to be run: ``fp16`` if that is wide enough, and so on.
        overflows_at: the first stage that does not fit into the format, or ``None``.
        not_finite_at: the first stage that is not finite even in fp32, or ``None``.
    """

    half: Half
    stages: tuple[Stage, ...]
    needs: Precision
    overflows_at: str | None
    not_finite_at: str | None


def check_half(network: KLAutoencoder, half: Half, x: Tensor, dtype: str = "fp16") -> HalfCheck:
    """As :func:`run_checked`, without the result."""
    return run_checked(network, half, x, dtype)[0]


def run_checked(
    network: KLAutoencoder, half: Half, x: Tensor, dtype: str = "fp16", progress: Progress = silent
) -> tuple[HalfCheck, Tensor]:
    """Runs one half in fp32 and looks at its activations.

    Args:
        network: in fp32.
        half: which one.
        x: raw latents B×C×h×w for the decoder, images B×3×H×W in −1..1 for the encoder.
        dtype: the format to fit into, a key of :data:`LIMITS`.
        progress: called before each layer.

    Returns:
        What was seen, and the images or latents.

    Raises:
        MissingHalf: the network has no such half.
        InvalidInput: ``x`` does not fit.
        Cancelled: ``progress`` raised it.
    """
    run = network.decode if half == "decoder" else network.encode
    if not (network.has_decoder if half == "decoder" else network.has_encoder):
        raise MissingHalf(f"This VAE has no {half}", "Check its other half")
    parts = parts_of(network, half)
    with torch.inference_mode(), measuring(parts) as maxima:
        result = run(x, progress)
    stages = stages_of(parts, maxima, LIMITS[dtype])
    overflow = next((stage.name for stage in stages if stage.headroom < 1), None)
    needs = Precision.FP16
    if any(not maximum <= FP16_MAX for maximum in maxima.values()):
        needs = learned(HalfPlan(), parts, maxima, Precision.FP32).precision
    return HalfCheck(half, stages, needs, overflow, first_not_finite(maxima)), result


def stages_of(parts: Sequence[Part], maxima: Maxima, limit: float = FP16_MAX) -> tuple[Stage, ...]:
    """Parts put together to the blocks that they belong to."""
    blocks = [part.name for part in parts if part.kind == SUM]
    largest: dict[str, float] = {}
    for name, maximum in maxima.items():
        stage = next((block for block in blocks if name == block or name.startswith(block + ".")), name)
        largest[stage] = max(largest.get(stage, 0.0), maximum if math.isfinite(maximum) else math.inf)
    return tuple(Stage(name, value, limit / value if value else math.inf) for name, value in largest.items())
