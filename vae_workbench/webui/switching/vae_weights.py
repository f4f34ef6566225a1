"""The weights of a VAE on their way into a network: in memory, or checked and left in their file if there is no room for them.

Both kinds have a ``path``, the ``stamp`` of the file's state, ``shapes`` by canonical name, and ``filling()``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ...autoencoder.names import Shape
from ...errors import UnreadableFile
from ...lazy_dataclass import dataclass
from ...library.walk import Stamp, stamp_of
from ...weights.reader import WeightsReader, open_weights
from ...weights.torch_file.dtypes import DTYPES

Fill = Callable[[str, Tensor], object]
"""Puts the weights of a canonical name into a tensor of their shape."""


@dataclass(frozen=True, eq=False)
class VaeWeights:
    """All weights of a VAE, on the CPU.

    Attributes:
        path: the file that they are from.
        stamp: the state that it was in; ``None`` if they were taken from memory.
        tensors: by canonical name, in the shapes that networks have.
    """

    path: str
    stamp: Stamp | None
    tensors: Mapping[str, Tensor]

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes by canonical name."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}

    @cached_property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @contextmanager
    def filling(self) -> Iterator[Fill]:
        """What copies them."""
        yield lambda name, target: target.copy_(self.tensors[name])


@dataclass(frozen=True, eq=False)
class VaeOnDisk:
    """All weights of a VAE, whole and finite, left in their file.

    Attributes:
        path: the file.
        stamp: the state that it was in when they were checked.
        shapes: by canonical name, those that networks have.
        names: canonical name → name in the file.
    """

    path: str
    stamp: Stamp | None
    shapes: Mapping[str, Shape]
    names: Mapping[str, str]

    @contextmanager
    def filling(self) -> Iterator[Fill]:
        """What reads them, straight into a tensor of the same number format.

        Raises:
            FileProblem: the file was changed since, or cannot be read; then some tensors may be filled and others not.
        """
        with open_weights(self.path) as reader:
            if stamp_of(self.path) != self.stamp:
                name = Path(self.path).name
                raise UnreadableFile(self.path, f"{name} was changed while it was read", "Choose it again")
            scratch = scratch_for(reader, self.names.values())
            yield lambda name, target: _read(reader, self.names[name], target, scratch)


def scratch_for(reader: WeightsReader, names: Iterable[str]) -> Tensor:
    """Memory for the largest of these tensors, to read one after another into."""
    return torch.empty(max(reader.inventory.tensors[name].nbytes for name in names), dtype=torch.uint8)


def _read(reader: WeightsReader, name: str, target: Tensor, scratch: Tensor) -> None:
    info = reader.inventory.tensors[name]
    alike = DTYPES.get(info.dtype) == target.dtype and math.prod(info.shape) == target.numel()
    if alike and info.strides is None and target.device.type == "cpu" and target.is_contiguous():
        reader.load(name, target.detach().view(-1).view(torch.uint8))
    else:
        target.copy_(reader.load(name, scratch).reshape(target.shape))
