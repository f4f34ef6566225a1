"""A tensor that is read when it is needed, part by part, so that a checkpoint of gigabytes passes through little memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..weights.reader import WeightsReader
from ..weights.torch_file.dtypes import DTYPES, NAMES, packed_shape, unpacked_shape
from ..weights.writer import Recipe


@dataclass(frozen=True)
class _Stored:
    """The bytes of a tensor as they lie in an open file."""

    reader: WeightsReader
    name: str

    def __call__(self) -> Iterator[memoryview]:
        return self.reader.chunks(self.name)

    def copy_to(self, file: io.FileIO, start: int, length: int) -> int:
        return self.reader.copy_to(file, self.name, start, length)


@dataclass(frozen=True)
class LazyTensor:
    """A tensor of a file, or one made from such.

    Attributes:
        dtype: its number format, as safetensors names it.
        shape: its sizes, as safetensors counts them.
        chunks: gives its bytes in the order of its elements. Each part is done with before the next but one is asked for.
    """

    dtype: str
    shape: tuple[int, ...]
    chunks: Callable[[], Iterator[memoryview]]

    @classmethod
    def stored(cls, reader: WeightsReader, name: str) -> LazyTensor:
        """A tensor of an open file."""
        info = reader.inventory.tensors[name]
        return cls(info.dtype, info.shape, _Stored(reader, name))

    @classmethod
    def of(cls, tensor: Tensor) -> LazyTensor:
        """A tensor that is in memory."""
        dtype = NAMES[tensor.dtype]
        return cls(dtype, unpacked_shape(dtype, tuple(tensor.shape)), lambda: iter((bytes_of(tensor),)))

    def pieces(self) -> Iterator[Tensor]:
        """Its elements part by part, flat. A piece shares memory with the next but one.

        Raises:
            InvalidInput: this torch lacks the number format.
        """
        dtype = self._torch_dtype()
        for chunk in self.chunks():
            if len(chunk):
                yield torch.frombuffer(chunk, dtype=torch.uint8).view(dtype)

    def load(self) -> Tensor:
        """All of it, in memory of its own."""
        parts = [piece.clone() for piece in self.pieces()]
        flat = torch.cat(parts) if parts else torch.empty(0, dtype=self._torch_dtype())
        return flat.reshape(packed_shape(self.dtype, self.shape))

    def mapped(self, change: Callable[[Tensor], Tensor], dtype: str | None = None) -> LazyTensor:
        """With every element changed: ``change`` gets flat pieces and gives as many elements, of ``dtype`` if that is given."""
        return LazyTensor(dtype or self.dtype, self.shape, lambda: (bytes_of(change(x)) for x in self.pieces()))

    def made(self, make: Callable[[], Tensor]) -> LazyTensor:
        """One of the same format and shape that is made as a whole."""
        return replace(self, chunks=lambda: iter((bytes_of(make()),)))

    def reshaped(self, shape: tuple[int, ...]) -> LazyTensor:
        """The same elements in another shape."""
        return replace(self, shape=shape)

    def recipe(self, name: str) -> Recipe:
        """To be written under a name."""
        copy_to = self.chunks.copy_to if isinstance(self.chunks, _Stored) else None
        return Recipe(name, self.dtype, self.shape, self.load, self.chunks, copy_to)

    def _torch_dtype(self) -> torch.dtype:
        dtype: torch.dtype | None = DTYPES.get(self.dtype)
        if dtype is None:
            raise InvalidInput(
                f"Numbers of the format {self.dtype} cannot be changed here: this version of torch lacks it",
                "Update torch, or use a file in another precision",
            )
        return dtype


def bytes_of(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
