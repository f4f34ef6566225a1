"""The residual stream of a KL autoencoder, made larger or smaller without changing what the network computes.

Everything that reads the stream first normalises it with a GroupNorm, which does not see its scale (up to ``eps``), and
everything else on the way is linear. So the stream can be multiplied by ``s`` by multiplying what writes to it: weight and
bias of ``conv_in``, of each block's ``conv2`` and of each attention's ``proj_out``, and the bias alone of what passes the
stream on: shortcuts, upsampling and downsampling. Exact equality needs every norm's ``eps`` multiplied by s² too, which a
file cannot carry; where the variance of the stream is far above ``eps`` = 1e-6, nothing is seen of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from ..errors import InvalidInput
from .structure import Half

WRITES_STREAM = re.compile(
    r"\.(conv_in|conv2|proj_out)\.(weight|bias)$|\.(nin_shortcut|upsample\.conv|downsample\.conv)\.bias$"
)


def scale_stream(tensors: Mapping[str, torch.Tensor], half: Half, factor: float) -> dict[str, torch.Tensor]:
    """All tensors, with the residual stream of one half multiplied by ``factor``.

    Args:
        tensors: a KL autoencoder's, LDM names. None is modified.
        half: which half's stream.
        factor: a power of two keeps every weight's digits; above 1 it brings fp16 nearer to overflow, below 1 further off.

    Raises:
        InvalidInput: the half is missing, or the factor is not positive.
    """
    if not factor > 0:
        raise InvalidInput(f"{factor} cannot scale a residual stream", "Give a positive factor")
    if f"{half}.conv_in.weight" not in tensors:
        raise InvalidInput(f"These tensors hold no {half} of a KL autoencoder", "Choose a VAE that has one")
    return {
        name: value * factor if name.startswith(half) and WRITES_STREAM.search(name) else value
        for name, value in tensors.items()
    }
