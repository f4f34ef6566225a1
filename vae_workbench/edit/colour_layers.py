"""The layers at the picture's end of a VAE, with a change of colours in them.

The decoder's last layer gives the picture: ``W' = M·W``, ``b' = M·b + s``, where p' = M·p + s is the change in the units of
that layer. The encoder's first layer takes it: with the inverse p = N·p' + r, ``W' = W·N`` along its input, and
``b' = b + Σ W·r`` over the kernel. The first is exact. So is the second where r is 0; otherwise it is exact but for the
outermost pixels, where the layer sees its padding, which is 0 for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InvalidInput
from .adjust import ColourChange
from .state import State

SMALLEST_SHIFT = 1e-4
"""Of a picture in −1..1: a hundredth of a step of an 8-bit picture."""

_TINY_LAYER = re.compile(r"(encoder|decoder)\.(\d+)\.weight")


@dataclass(frozen=True)
class ColourLayers:
    """Which layers they are, by their canonical names without ``.weight``.

    Attributes:
        last: of the decoder; empty if there is none.
        first: of the encoder; empty if there is none.
        signed: whether they work in −1..1, as those of a KL autoencoder do, or in 0..1.
    """

    last: str
    first: str
    signed: bool

    @classmethod
    def of(cls, state: State) -> ColourLayers:
        """Those of the VAE.

        Raises:
            InvalidInput: there are none, or they are not for RGB.
        """
        names = state.canonical
        tiny = sorted((match[1], int(match[2])) for match in map(_TINY_LAYER.fullmatch, names) if match)
        if tiny:
            ends = (f"decoder.{max((layer for half, layer in tiny if half == 'decoder'), default='')}", "encoder.0")
        else:
            ends = ("decoder.conv_out", "encoder.conv_in")
        last, first = (end if f"{end}.weight" in names else "" for end in ends)
        found = cls(last, first, not tiny)
        if not (found.last or found.first):
            raise InvalidInput(f"{state.name} holds no VAE whose colours could be changed", "Choose a VAE")
        rgb = [state.vae(f"{end}.weight").shape[axis] == 3 for end, axis in ((found.last, 0), (found.first, 1)) if end]
        if not all(rgb):
            raise InvalidInput(f"The pictures of {state.name} are not red, green and blue", "Choose another VAE")
        return found

    def names(self, decoder_only: bool) -> list[str]:
        """Canonical names of their tensors."""
        ends = [self.last, "" if decoder_only else self.first]
        return [f"{end}.{kind}" for end in ends if end for kind in ("weight", "bias")]

    def changed(self, tensors: Mapping[str, Tensor], change: ColourChange) -> dict[str, Tensor]:
        """Those of these tensors that belong to the layers, in float64, with the change in the decoder and its inverse in the
        encoder, if there is one."""
        made: dict[str, Tensor] = {}
        matrix, shift = change.matrix.double(), self._shift(change)
        if self.last and f"{self.last}.weight" in tensors:
            weight, bias = (tensors[f"{self.last}.{kind}"].double() for kind in ("weight", "bias"))
            made[f"{self.last}.weight"] = torch.einsum("rc,cihw->rihw", matrix, weight)
            made[f"{self.last}.bias"] = matrix @ bias + shift
        back = change.inverse
        if self.first and back is not None and f"{self.first}.weight" in tensors:
            weight, bias = (tensors[f"{self.first}.{kind}"].double() for kind in ("weight", "bias"))
            made[f"{self.first}.weight"] = torch.einsum("oihw,ij->ojhw", weight, back.matrix.double())
            made[f"{self.first}.bias"] = bias + torch.einsum("oihw,i->o", weight, self._shift(back))
        return made

    def is_exact_at_edges(self, change: ColourChange) -> bool:
        """Whether the encoder takes the change back in the outermost pixels too."""
        return bool(self._shift(change).abs().max() < SMALLEST_SHIFT)

    def _shift(self, change: ColourChange) -> Tensor:
        """What is added in the units of the layers."""
        return change.signed_offset if self.signed else change.offset.double()
