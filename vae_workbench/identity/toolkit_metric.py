"""The "VAE metric" of model-toolkit, by which some VAEs are known: a hint, as it loses the sign and can collide.

It is the sum of ``sigmoid(w) − 0.5`` over all weights of encoder and decoder in fp16, told as four digits by its distance from
the original VAE of SD1 (https://github.com/arenasys/stable-diffusion-webui-model-toolkit, facts only).
"""

from __future__ import annotations

import os

from ..autoencoder.names import canonical_names
from ..progress import Progress, silent
from ..weights.reader import open_weights
from .known import KnownVae, known_vaes

ORIGINAL = 17870.7051
"""The sum for the VAE of SD1, whose metric is therefore 0."""

TOLERANCE = 1


def toolkit_metric(path: str | os.PathLike[str], progress: Progress = silent) -> int:
    """The metric of the VAE in a file. Reads all of its weights.

    Args:
        path: a VAE or a checkpoint. The metric means something for complete KL autoencoders of SD1 and SD2 only.
        progress: called before each tensor.

    Raises:
        FileProblem: the file cannot be read.
        UnknownArchitecture: two names mean the same tensor.
        Cancelled: ``progress`` raised it.
    """
    total = 0.0
    with open_weights(path) as reader:
        canonical = canonical_names(reader.inventory.tensors)
        names = [source for name, source in canonical.items() if name.startswith(("encoder.", "decoder."))]
        for number, name in enumerate(names):
            progress(number / len(names), f"Reading {name}")
            total += float((reader.load(name).half().float().sigmoid() - 0.5).double().sum())
    return metric_of(total)


def metric_of(total: float) -> int:
    """The four digits for a sum."""
    return int(abs(total / ORIGINAL - 1) * 10000)


def probably(metric: int) -> tuple[KnownVae, ...]:
    """The known VAEs that may have this metric."""
    return tuple(
        vae for vae in known_vaes() if vae.toolkit_metric is not None and abs(vae.toolkit_metric - metric) <= TOLERANCE
    )
