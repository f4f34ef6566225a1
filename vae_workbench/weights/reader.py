"""Loads the tensors that are asked for, and reads no others."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple

import torch

from ..errors import InvalidInput
from .inventory import inventory_of
from .layout import Inventory, TensorInfo
from .source import Source
from .torch_file import legacy as torch_legacy
from .torch_file import zip_directory
from .torch_file.dtypes import DTYPES, packed_shape

__all__ = ["CHUNK", "WeightsReader", "load_tensors", "open_weights"]

CHUNK = 1 << 20
"""Bytes of a tensor that :meth:`WeightsReader.chunks` reads at once: few enough to stay in the processor's cache."""


class WeightsReader:
    """An open file of tensors; see :func:`open_weights`. May be used from several threads at once.

    Attributes:
        inventory: what the file holds.
    """

    def __init__(self, source: Source, inventory: Inventory) -> None:
        self._source = source
        self.inventory = inventory

    def load(self, name: str, memory: torch.Tensor | None = None) -> torch.Tensor:
        """One tensor, on the CPU, in the format of the file.

        The memory is the tensor's own: it may be changed, never changes the file, and outlives the reader. It holds the
        bytes from the tensor's first to its last element, so a tensor with gaps or repeats keeps its strides.

        Args:
            name: of the tensor.
            memory: where to put it instead: flat uint8 on the CPU, of at least the tensor's bytes. Making new memory takes
                longer than reading a file that the system has in its cache.

        Raises:
            InvalidInput: the file has no tensor of that name.
            DamagedFile: its bytes are not where the header says, or cannot be unpacked.
            UnreadableFile: the file was changed since it was opened, or the system refuses to read it.
            UnsupportedFile: this torch lacks the number format.
        """
        info = self._info(name)
        dtype, shape = self._torch_form(name, info)
        if not info.nbytes:
            return torch.empty(shape, dtype=dtype)
        raw = torch.empty(info.nbytes, dtype=torch.uint8) if memory is None else memory[: info.nbytes]
        self._read(info, info.offset, raw.numpy().data)
        self._source.check_unchanged()
        elements = raw.view(dtype)
        return elements.view(shape) if info.strides is None else elements.as_strided(shape, info.strides)

    def chunks(self, name: str) -> Iterator[memoryview]:
        """The bytes of one tensor in the order of its elements, at most :data:`CHUNK` at a time.

        Each lies in the same memory as the last but one: while a chunk is read, the one before may still be in use. The number
        format does not matter. A tensor with gaps or repeats, or of a deflated record, is loaded as a whole.

        Raises:
            InvalidInput, FileProblem: as :meth:`load`.
        """
        info = self._info(name)
        if info.strides is not None or (info.record is not None and info.record.compressed):
            whole = self.load(name).contiguous().flatten().view(torch.uint8).numpy().data
            yield from (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))
            return
        starts = range(0, info.nbytes, CHUNK)
        buffers = [memoryview(bytearray(min(CHUNK, info.nbytes))) for _ in starts[:2]]
        for number, start in enumerate(starts):
            part = buffers[number % 2][: info.nbytes - start]
            self._read(info, info.offset + start, part)
            self._source.check_unchanged()
            yield part

    def copy_to(self, file: io.FileIO, name: str, start: int, length: int) -> int:
        """Appends ``length`` bytes of one tensor from ``start`` on to a file; as :meth:`.source.Source.copy_to`, or fewer.

        A tensor that does not lie in one piece, as :meth:`chunks` gives it, is not copied.
        """
        info = self._info(name)
        if info.strides is not None or self.inventory.container != "safetensors" or start + length > info.nbytes:
            return 0
        count = self._source.copy_to(file, info.offset + start, length)
        self._source.check_unchanged()
        return count

    def sample(self, name: str, start: int, count: int) -> torch.Tensor:
        """``count`` elements of one tensor from place ``start`` on, as if it were flattened; float32, on the CPU.

        Only the bytes from the first to the last of them are read; of a deflated record, also those before.

        Raises:
            InvalidInput: the file has no tensor of that name, or the tensor fewer elements.
            FileProblem: as :meth:`load`.
        """
        return self.samples([(name, start, count)])

    def samples(self, places: Iterable[tuple[str, int, int]]) -> torch.Tensor:
        """Many times :meth:`sample`, each a tuple of its arguments, as one flat tensor; hundreds in a few milliseconds."""
        runs = [self._run(*place) for place in places]
        buffer = bytearray(sum(run.nbytes for run in runs))
        view, end = memoryview(buffer), 0
        for run in runs:
            begin, end = end, end + run.nbytes
            if run.nbytes:
                self._read(run.info, run.offset, view[begin:end])
        self._source.check_unchanged()
        return _elements(runs, buffer)

    def _run(self, name: str, start: int, count: int) -> _Run:
        info = self._info(name)
        dtype, shape = self._torch_form(name, info)
        if not 0 <= start <= start + count <= math.prod(shape):
            raise InvalidInput(f"{name!r} has no {count} elements from {start} on", "Choose places inside the tensor")
        size = dtype.itemsize
        if info.strides is None or not count:
            return _Run(info, info.offset + start * size, count * size, dtype)
        places = [_place(place, shape, info.strides) for place in range(start, start + count)]
        first, last = min(places), max(places)
        inside = tuple(place - first for place in places)
        return _Run(info, info.offset + first * size, (last + 1 - first) * size, dtype, inside)

    @property
    def modified_ns(self) -> int:
        """Time of the file's last change when it was opened, in nanoseconds since 1970."""
        return self._source.mtime_ns

    def close(self) -> None:
        """Lets go of the file. Tensors that were loaded stay as they are."""
        self._source.close()

    def __enter__(self) -> WeightsReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _info(self, name: str) -> TensorInfo:
        info = self.inventory.tensors.get(name)
        if info is None:
            raise InvalidInput(f"{self._source.name} holds no tensor named {name!r}", "Choose one that it lists")
        return info

    def _torch_form(self, name: str, info: TensorInfo) -> tuple[torch.dtype, tuple[int, ...]]:
        dtype, shape = DTYPES.get(info.dtype), packed_shape(info.dtype, info.shape)
        if dtype is None or (info.strides is None and math.prod(shape) * dtype.itemsize != info.nbytes):
            fault = f"keeps {name[:80]!r} as {info.dtype} {list(info.shape)}, which this version of torch lacks"
            raise self._source.unsupported(fault, "Update torch, or use a file in another precision")
        return dtype, shape

    def _read(self, info: TensorInfo, offset: int, buffer: memoryview) -> None:
        """Fills ``buffer`` with the tensor's bytes from ``offset`` on, which counts as :attr:`TensorInfo.offset` does."""
        if info.record is None:
            self._source.read_into(offset, buffer)
        elif self.inventory.container == "torch-zip":
            zip_directory.read_part(self._source, info.record, offset, buffer)
        else:
            start = torch_legacy.data_start(self._source, info.record)
            self._source.read_into(start + offset, buffer)


class _Run(NamedTuple):
    """Neighbouring bytes of a tensor.

    Attributes:
        offset: of the first, as :attr:`TensorInfo.offset` counts.
        inside: the elements wanted of those read, where they do not lie in order.
    """

    info: TensorInfo
    offset: int
    nbytes: int
    dtype: torch.dtype
    inside: tuple[int, ...] | None = None


def _elements(runs: Sequence[_Run], buffer: bytearray) -> torch.Tensor:
    """The elements of all runs, whose bytes follow one another, as float32."""
    if not buffer:
        return torch.empty(0)
    raw = torch.frombuffer(buffer, dtype=torch.uint8)
    if len({run.dtype for run in runs}) == 1 and not any(run.inside for run in runs):
        return raw.view(runs[0].dtype).float()
    parts = []
    end = 0
    for run in runs:
        begin, end = end, end + run.nbytes
        # Cloned, because a view of larger elements has to begin at a multiple of their size.
        values = raw[begin:end].clone().view(run.dtype).float()
        parts.append(values if run.inside is None else values[list(run.inside)])
    return torch.cat(parts)


def _place(place: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Where in memory the element lies that is at ``place`` of the flattened tensor, in elements from the first."""
    memory = 0
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        place, index = divmod(place, size)
        memory += index * stride
    return memory


def open_weights(
    path: str | os.PathLike[str], read_inventory: Callable[[Source], Inventory] = inventory_of
) -> WeightsReader:
    """Opens a file of tensors for loading; to be used in a ``with`` statement.

    Tensors are read into memory of their own instead of being mapped: see :class:`Source` for why. It costs the bytes
    of the tensor asked for and nothing else, whatever the size of the file.

    Args:
        path: of the file.
        read_inventory: what tells what the file holds; another than the usual one may forgive more.

    Raises:
        FileProblem: as :func:`vae_workbench.weights.inventory.read_inventory` does.
    """
    with contextlib.ExitStack() as until_read:
        source = until_read.enter_context(Source(path))
        reader = WeightsReader(source, read_inventory(source))
        until_read.pop_all()
    return reader


def load_tensors(path: str | os.PathLike[str], names: Iterable[str] | None = None) -> dict[str, torch.Tensor]:
    """Some tensors of a file, or all of them, by name; errors as in :func:`open_weights` and ``load``."""
    with open_weights(path) as reader:
        return {name: reader.load(name) for name in (reader.inventory.tensors if names is None else names)}
