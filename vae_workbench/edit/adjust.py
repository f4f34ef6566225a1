"""Colours of everything a VAE decodes, changed exactly in its last convolution.

The last layer of a KL decoder is a convolution to RGB, so a linear change of colours ``x' = M·x + t`` of the picture is
the same change of that layer: ``W' = M·W`` and ``b' = M·b + t``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ..errors import InvalidInput

WEIGHT, BIAS = "decoder.conv_out.weight", "decoder.conv_out.bias"
# Luma of sRGB primaries (ITU-R BT.709).
LUMA = torch.tensor([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class ColourChange:
    """x' = ``matrix``·x + ``offset`` for pictures in 0..1, RGB.

    Attributes:
        matrix: 3×3.
        offset: 3.
    """

    matrix: torch.Tensor
    offset: torch.Tensor

    @classmethod
    def of(cls, *, saturation: float = 1.0, contrast: float = 1.0, brightness: float = 0.0) -> ColourChange:
        """Saturation and contrast as factors (1 changes nothing; contrast turns about mid grey), brightness added."""
        grey = LUMA.repeat(3, 1)
        matrix = contrast * (saturation * torch.eye(3) + (1 - saturation) * grey)
        return cls(matrix, torch.full((3,), 0.5 * (1 - contrast) + brightness))


def adjust_decoder(tensors: Mapping[str, torch.Tensor], change: ColourChange) -> dict[str, torch.Tensor]:
    """All tensors, with the decoder's last layer changed so that every picture comes out in the changed colours.

    Args:
        tensors: a KL autoencoder's, LDM names. None is modified.

    Raises:
        InvalidInput: there is no decoder of a KL autoencoder.
    """
    if WEIGHT not in tensors or BIAS not in tensors:
        raise InvalidInput(
            "These tensors hold no decoder whose colours could be changed", "Choose a VAE with a decoder"
        )
    weight, bias = tensors[WEIGHT].double(), tensors[BIAS].double()
    matrix, offset = change.matrix.double(), change.offset.double()
    # The decoder works in −1..1: p = 2x − 1, so p' = M·p + (M·1 − 1 + 2t).
    signed_offset = matrix.sum(dim=1) - 1 + 2 * offset
    changed = {WEIGHT: torch.einsum("rc,cihw->rihw", matrix, weight), BIAS: matrix @ bias + signed_offset}
    return {**tensors, **{name: value.to(tensors[name].dtype) for name, value in changed.items()}}
