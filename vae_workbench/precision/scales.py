"""Activations made smaller without changing what a network computes, so that fp16 can hold them.

A value (see :mod:`.structure`) is divided by 2ᵉ. What writes it gets its bias, and its weight, divided by 2ᵉ; a linear layer
that reads it gets its weight multiplied by 2ᵉ; of a norm that reads it, ``eps`` is divided by 4ᵉ, because GroupNorm computes
(x − mean) / √(variance + eps). For a layer that reads a value with exponent r and writes one with exponent w that makes

    weight · 2^(r − w),  bias · 2^(−w)

and nothing else changes. Powers of two only move the exponents of the weights, so that the result is the same to the last
bit as long as no weight leaves the range of normal numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .maxima import Maxima
from .structure import LAYER, NORM, Part

Exponents = Mapping[str, int]
"""Value → e; values that are not named stay as they are."""

CEILING, WIDER_CEILING = 2.0**12, 2.0**8
"""What the largest activation seen is brought down to: 16 times below the largest fp16 number, for latents that are yet to
come; and, when that was not enough, 256 times below it. Numbers down to a 2^26th of the first still have all their digits."""


def exponents_for(parts: Iterable[Part], maxima: Maxima, ceiling: float = CEILING) -> dict[str, int]:
    """The smallest exponents that bring every value that was over ``ceiling`` down to it."""
    peaks: dict[str, float] = {}
    for part in parts:
        if part.writes:
            peaks[part.writes] = max(peaks.get(part.writes, 0.0), maxima.get(part.name, 0.0))
    return {value: math.ceil(math.log2(peak / ceiling)) for value, peak in peaks.items() if ceiling < peak < math.inf}


class Rescaled:
    """Scales applied to a network in place, until :meth:`undo`.

    The network's ``state_dict()`` gives the original weights meanwhile, so that nobody saves or keeps scaled ones, and
    ``load_state_dict()`` undoes the scaling before it loads; so does ``state_dict(keep_vars=True)``, by which weights can be
    replaced too.

    Args:
        vae: the network that the parts belong to.
        parts: of one half or of both.
        exponents: what to divide by; values that the parts do not have are ignored.
    """

    def __init__(self, vae: nn.Module, parts: Iterable[Part], exponents: Exponents) -> None:
        self._weights: list[_Scaled] = []
        self._norms: list[tuple[Any, float]] = []
        for part in parts:
            read, written = exponents.get(part.reads or "", 0), exponents.get(part.writes or "", 0)
            if part.kind == NORM and read:
                norm: Any = part.module
                self._norms.append((norm, norm.eps))
                norm.eps *= 4.0**-read
            if part.kind == LAYER:
                self._scale(part, "weight", read - written)
                self._scale(part, "bias", -written)
        self._hooks = [
            vae._register_state_dict_hook(self._give_originals),  # type: ignore[no-untyped-call]
            vae._register_load_state_dict_pre_hook(self._restore),  # type: ignore[no-untyped-call]
        ]

    def undo(self) -> None:
        """Brings back the original weights and ``eps``, bit for bit; does nothing the second time."""
        self._restore()
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    @property
    def in_force(self) -> bool:
        """False once it was undone, also by loading other weights."""
        return bool(self._weights or self._norms)

    @torch.no_grad()
    def _restore(self, *_details: object) -> None:
        for scaled in self._weights:
            if not scaled.tensor.is_meta:
                scaled.tensor.copy_(scaled.original())
        for norm, eps in self._norms:
            norm.eps = eps
        self._weights, self._norms = [], []

    @torch.no_grad()
    def _scale(self, part: Part, kind: str, exponent: int) -> None:
        tensor = getattr(part.module, kind, None)
        if exponent and isinstance(tensor, Tensor):
            self._weights.append(_Scaled.scale(part, kind, exponent))

    def _give_originals(self, _module: nn.Module, state: dict[str, Any], prefix: str, _local: object) -> None:
        if any(state.get(prefix + scaled.name) is getattr(scaled.module, scaled.kind) for scaled in self._weights):
            self._restore()  # with keep_vars=True somebody gets the tensors themselves, and may write to them
        for scaled in self._weights:
            if prefix + scaled.name in state and not scaled.tensor.is_meta:
                state[prefix + scaled.name] = scaled.original()


@dataclass(frozen=True, eq=False)
class _Scaled:
    """One scaled tensor, and what multiplying back would not give.

    Attributes:
        name: in the state dict.
        module: that has it.
        kind: ``weight`` or ``bias``.
        exponent: it was multiplied by 2 to the power of this.
        places: of the elements that lost digits below the smallest normal number, in the flattened tensor; on the CPU.
        lost: their original values.
    """

    name: str
    module: nn.Module
    kind: str
    exponent: int
    places: Tensor
    lost: Tensor

    @classmethod
    def scale(cls, part: Part, kind: str, exponent: int) -> _Scaled:
        tensor: Tensor = getattr(part.module, kind)
        before = tensor.detach().clone()
        tensor.mul_(2.0**exponent)
        changed = (tensor * 2.0**-exponent != before).flatten().nonzero().squeeze(1)
        # int32 is enough and half as large: no layer of a VAE has 2³¹ weights.
        places, lost = changed.to("cpu", torch.int32), before.flatten()[changed].cpu()
        return cls(f"{part.name}.{kind}", part.module, kind, exponent, places, lost)

    @property
    def tensor(self) -> Tensor:
        """As the module has it now: it may have been moved since."""
        tensor: Tensor = getattr(self.module, self.kind)
        return tensor.detach()

    def original(self) -> Tensor:
        """A new tensor with the original values."""
        tensor = self.tensor
        back = (tensor * 2.0**-self.exponent).flatten()
        back[self.places.long().to(back.device)] = self.lost.to(back)
        return back.view(tensor.shape)
