"""From a file to a network: only the VAE's tensors are read, also from a checkpoint of many gigabytes."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from ..errors import InvalidInput, UnknownArchitecture
from ..weights.dtypes import FLOATS
from ..weights.reader import open_weights
from .autoencoder import Autoencoder
from .build import describe, load_autoencoder
from .names import canonical_names

HALF_NAMES = {"encoder": ("encoder.", "quant_conv."), "decoder": ("decoder.", "post_quant_conv.")}
"""What the canonical names of each half begin with."""


def open_autoencoder(
    path: str | os.PathLike[str],
    *,
    half: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Autoencoder:
    """The autoencoder that a VAE file or a checkpoint holds, ready to encode and decode.

    Args:
        path: any file that :mod:`vae_workbench.weights` reads.
        half: of a KL autoencoder, a key of :data:`HALF_NAMES`: only that half is read and built; by default all there is.
        device: where the network is to compute.
        dtype: what it is to compute in; the file's own precision does not matter.

    Raises:
        FileProblem: the file cannot be read.
        UnknownArchitecture: it holds no autoencoder that can be run here; told before any weights are read.
        InvalidInput: its weights are whole numbers, or this torch cannot compute in ``dtype`` on ``device``.
    """
    with open_weights(path) as weights:
        tensors = weights.inventory.tensors
        try:
            describe({name: tensor.shape for name, tensor in tensors.items()})
        except UnknownArchitecture as error:
            raise UnknownArchitecture(f"{Path(path).name} cannot be used: {error.what}", error.remedy) from None
        names = canonical_names(tensors)
        wanted = [source for name, source in names.items() if half is None or name.startswith(HALF_NAMES[half])]
        if unusable := next((source for source in wanted if tensors[source].dtype not in FLOATS), None):
            raise InvalidInput(
                f"{Path(path).name} cannot be used: the numbers of {unusable} are of the format {tensors[unusable].dtype}, "
                "and weights are floating-point numbers",
                "Choose the same VAE in fp32, fp16 or bf16",
            )
        loaded = {name: weights.load(name) for name in wanted}
    return load_autoencoder(loaded, device=device, dtype=dtype)
