"""One result that is wanted: what to run, what to test, and how the result of another network takes its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..structure import Half

Inner = Callable[[Tensor], Any]
"""The network's own ``decode`` or ``encode``, as it was before it was guarded."""

PIECE = 4
"""Height and width of a small piece, in places of the latent."""

DOWNSCALE = 8
"""Pixels for one place, for the size of pieces and tiles only; all VAEs of the web UI have it."""


class Job(ABC):
    """A decode or an encode.

    Attributes:
        half: of the network that runs.
        x: latents or images.
    """

    half: ClassVar[Half]

    def __init__(self, vae: nn.Module, inner: Inner, x: Tensor) -> None:
        self.vae = vae
        self.inner = inner
        self.x = x

    @abstractmethod
    def run(self, x: Tensor) -> tuple[Any, Tensor]:
        """The network's own result, and the tensor that must be finite for it to be right."""

    @abstractmethod
    def finish(self, computed: Tensor) -> Any:
        """What the network would have given, from the images or moments of another."""

    @property
    @abstractmethod
    def places(self) -> int:
        """Places of the latent along its longer side."""

    @property
    @abstractmethod
    def piece(self) -> Tensor:
        """A small part of ``x``."""

    def _in_own_format(self, computed: Tensor) -> Tensor:
        """In the format of ``x``; what is too large for it becomes its largest number, which nobody tells from larger ones:
        pictures are cut off at 1, and log-variances at 20."""
        largest = torch.finfo(self.x.dtype).max
        return computed.clamp(-largest, largest).to(self.x.dtype)


class DecodeJob(Job):
    half = "decoder"

    def run(self, x: Tensor) -> tuple[Any, Tensor]:
        images = self.inner(x)
        return images, images

    def finish(self, computed: Tensor) -> Tensor:
        return self._in_own_format(computed)

    @property
    def places(self) -> int:
        return max(self.x.shape[2:])

    @property
    def piece(self) -> Tensor:
        return self.x[:1, :, :PIECE, :PIECE]


class MomentsJob(Job):
    """An encode whose moments are what is wanted, by a network that gives them."""

    half = "encoder"

    def run(self, x: Tensor) -> tuple[Any, Tensor]:
        moments = self.inner(x)
        return moments, moments

    def finish(self, computed: Tensor) -> Tensor:
        return self._in_own_format(computed)

    @property
    def places(self) -> int:
        return max(self.x.shape[2:]) // DOWNSCALE

    @property
    def piece(self) -> Tensor:
        return self.x[:1, :, : PIECE * DOWNSCALE, : PIECE * DOWNSCALE]


class EncodeJob(MomentsJob):
    """What encoding gives differs: a posterior (``ldm``) or a sample of it (``sgm``, SD3), whose log-variance was cut off where
    it was infinite. So the moments are looked at, and replaced, where they leave the network."""

    def __init__(self, vae: nn.Module, inner: Inner, x: Tensor) -> None:
        super().__init__(vae, inner, x)
        self._random = _random_state(x)

    def run(self, x: Tensor) -> tuple[Any, Tensor]:
        seen: list[Tensor] = []
        last = self._layers()[-1]
        handle = last.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        try:
            result = self.inner(x)
        finally:
            handle.remove()
        return result, seen[-1]

    def finish(self, computed: Tensor) -> Any:
        _set_random_state(self.x, self._random)
        first, *others = self._layers()
        moments = self._in_own_format(computed)
        with _answering(first, lambda _: moments):
            if not others:
                return self.inner(self.x)
            with _answering(others[0], lambda given: given):
                return self.inner(self.x)

    def _layers(self) -> list[nn.Module]:
        """What the image goes through on its way to the moments."""
        found = [getattr(self.vae, name, None) for name in ("encoder", "quant_conv")]
        return [module for module in found if isinstance(module, nn.Module)]


@contextmanager
def _answering(module: nn.Module, answer: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """The module gives this answer instead of computing."""
    before = vars(module).get("forward")
    module.forward = answer
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before


def _random_state(x: Tensor) -> tuple[Tensor, Tensor | None]:
    return torch.get_rng_state(), torch.cuda.get_rng_state(x.device) if x.is_cuda else None


def _set_random_state(x: Tensor, state: tuple[Tensor, Tensor | None]) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], x.device)
