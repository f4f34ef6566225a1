"""Colours of everything a VAE decodes, changed exactly in its last convolution.

The last layer of a KL decoder is a convolution to RGB, so a linear change of colours ``x' = M·x + t`` of the picture is
the same change of that layer: ``W' = M·W`` and ``b' = M·b + t``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ..errors import InvalidInput

WEIGHT, BIAS = "decoder.conv_out.weight", "decoder.conv_out.bias"
# Luma of sRGB primaries (ITU-R BT.709).
LUMA = torch.tensor([0.2126, 0.7152, 0.0722])


LARGEST_GAIN = 20.0
"""Of a change that is taken back: beyond, taking it back would strengthen noise and rounding more than anyone wants."""


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
    def of(
        cls,
        *,
        saturation: float = 1.0,
        contrast: float = 1.0,
        brightness: float = 0.0,
        temperature: float = 0.0,
        tint: float = 0.0,
        hue: float = 0.0,
        gamma: float = 1.0,
        matrix: Sequence[float] | None = None,
    ) -> ColourChange:
        """What people ask for, one after the other: matrix, hue, saturation, temperature and tint, contrast, gamma, brightness.

        Args:
            saturation, contrast: factors; 1 changes nothing. Contrast turns about mid grey.
            brightness: is added.
            temperature: −1 (blue) to 1 (orange); a grey keeps its luma. So does ``tint``: −1 (green) to 1 (magenta).
            hue: degrees.
            gamma: above 1 brightens; a straight line is put in place of the curve, see :func:`gamma_line`.
            matrix: any nine numbers, row by row.

        Raises:
            InvalidInput: a number is not finite, or gamma is not positive.
        """
        numbers = (saturation, contrast, brightness, temperature, tint, hue, gamma, *(matrix or ()))
        if not all(map(math.isfinite, numbers)):
            raise InvalidInput("These numbers make no change of colours", "Give finite numbers")
        # In float32, as pictures are; where all is left out, these are exactly the identity and 0.
        change = cls(torch.eye(3) if matrix is None else torch.tensor(matrix).reshape(3, 3).float(), torch.zeros(3))
        if hue:
            change = change.then(cls(_hue_rotation(hue), torch.zeros(3)))
        grey = LUMA.repeat(3, 1)
        change = change.then(cls(saturation * torch.eye(3) + (1 - saturation) * grey, torch.zeros(3)))
        if temperature or tint:
            gains = 1 + torch.tensor([0.2 * temperature + 0.1 * tint, -0.2 * tint, -0.2 * temperature + 0.1 * tint])
            change = change.then(cls(torch.diag(gains / (LUMA @ gains)), torch.zeros(3)))
        change = change.then(cls(contrast * torch.eye(3), torch.full((3,), 0.5 * (1 - contrast))))
        if gamma != 1:
            slope, start, _ = gamma_line(gamma)
            change = change.then(cls(slope * torch.eye(3), torch.full((3,), start)))
        return cls(change.matrix, change.offset + brightness)

    def then(self, after: ColourChange) -> ColourChange:
        """This change, and another after it."""
        dtype = torch.promote_types(self.matrix.dtype, after.matrix.dtype)
        first, second = (ColourChange(it.matrix.to(dtype), it.offset.to(dtype)) for it in (self, after))
        return ColourChange(second.matrix @ first.matrix, second.matrix @ first.offset + second.offset)

    @property
    def inverse(self) -> ColourChange | None:
        """What takes it back; ``None`` if colours are lost, or nearly."""
        matrix = self.matrix.double()
        smallest = torch.linalg.svdvals(matrix)[-1]
        if not smallest > 1 / LARGEST_GAIN:
            return None
        back = torch.linalg.inv(matrix)
        return ColourChange(back, -back @ self.offset.double())

    @property
    def signed_offset(self) -> torch.Tensor:
        """What is added where pictures are in −1..1, in float64: with p = 2x − 1, p' = M·p + (M·1 − 1 + 2t)."""
        matrix, offset = self.matrix.double(), self.offset.double()
        return matrix.sum(dim=1) - 1 + 2 * offset

    def of_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """B×3×H×W in 0..1 with the change; not clipped."""
        matrix, offset = self.matrix.to(pixels), self.offset.to(pixels)
        return (matrix @ pixels.flatten(2) + offset[:, None]).view_as(pixels)

    def clipped(self, pixels: torch.Tensor) -> float:
        """The share of the pixels, B×3×H×W in 0..1, that the change takes beyond black or white."""
        changed = self.of_pixels(pixels.clamp(0, 1))
        return float(((changed < -1e-3) | (changed > 1 + 1e-3)).any(dim=1).float().mean())


def gamma_line(gamma: float) -> tuple[float, float, float]:
    """The straight line nearest to x^(1/gamma) over 0..1 by least squares: slope, start, and how far off it is at most.

    Raises:
        InvalidInput: ``gamma`` is not positive.
    """
    if not gamma > 0:
        raise InvalidInput(f"{gamma} is no gamma", "Give a positive number; 1 changes nothing")
    power = 1 / gamma
    slope = 12 * (1 / (power + 2) - 0.5 / (power + 1))
    start = 1 / (power + 1) - slope / 2
    x = torch.linspace(0, 1, 1001, dtype=torch.float64)
    return slope, start, float((x**power - slope * x - start).abs().max())


def _hue_rotation(degrees: float) -> torch.Tensor:
    """Hues turned with greys and their luma kept, as SVG's ``hueRotate`` does, with the luma of this module.

    The projection on luma stays, and the rest is turned: M = L + cos·(I − L) + sin·S
    (https://www.w3.org/TR/filter-effects-1/#feColorMatrixElement).
    """
    angle = math.radians(degrees)
    luma = LUMA.repeat(3, 1)
    turn = torch.tensor([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
    turn = turn - turn.mean(1, keepdim=True)  # rows that add up to 0 keep greys
    turn = turn - torch.ones(3, 1) * (LUMA @ turn)  # columns without luma keep luma
    return luma + math.cos(angle) * (torch.eye(3) - luma) + math.sin(angle) * turn


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
    matrix = change.matrix.double()
    changed = {WEIGHT: torch.einsum("rc,cihw->rihw", matrix, weight), BIAS: matrix @ bias + change.signed_offset}
    return {**tensors, **{name: value.to(tensors[name].dtype) for name, value in changed.items()}}
