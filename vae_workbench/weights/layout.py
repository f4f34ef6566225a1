"""Where tensors lie in a file: the records that every container is read into."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from ..lazy_dataclass import dataclass

MOST_DIMENSIONS = 64
MOST_ELEMENTS = 2**63 - 1
"""What torch can index: 64 dimensions, and offsets that fit 64 signed bits."""


class Record(NamedTuple):
    """A stretch of a torch file that begins with a small header of its own and holds the bytes of one storage.

    Attributes:
        key: the record's name in the archive, or the storage's key.
        header: the file offset at which its own header begins. Where its bytes begin is only known after reading that
            header, which is left to the moment they are wanted: reading thousands of them costs seconds on a hard disk.
        stored: bytes taken in the file.
        size: bytes after unpacking.
        compressed: whether they are deflated.
        elements: how many elements the legacy format has to write before the bytes; 0 in a zip archive.
    """

    key: str
    header: int
    stored: int
    size: int
    compressed: bool = False
    elements: int = 0


class TensorInfo(NamedTuple):
    """One tensor of a file. A named tuple because a checkpoint has thousands, and it is made in a third of the time.

    Attributes:
        dtype: the number format, as safetensors names it (``F32``, ``BF16``, ``F8_E4M3`` …).
        shape: the size of each dimension, in elements.
        offset: the first byte, counted from the beginning of the file, or of the unpacked ``record`` if there is one.
        nbytes: bytes from the first to the last element; with gaps or repeats that differs from the tensor's size.
        strides: elements to skip for one step in each dimension; ``None`` when the elements lie in order.
        record: the part of a torch file that holds the bytes; ``None`` in safetensors.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int
    strides: tuple[int, ...] | None = None
    record: Record | None = None

    @property
    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Inventory:
    """What a file holds, told by its header alone.

    Attributes:
        path: the file.
        container: ``safetensors``, ``torch-zip`` or ``torch-legacy`` (before torch 1.6).
        metadata: ``__metadata__`` of safetensors; the plain values beside the state dict of a torch file, as text.
        tensors: name → where and what, in the file's own order.
        size: bytes of the whole file.
        mtime_ns: time of its last change, in nanoseconds since 1970.
        wrapper: the keys under which a torch file keeps its state dict (``state_dict``, ``state_dict.vae``), or an empty
            string.
        code: what the pickle of a torch file names beyond the rebuilding of tensors, such as ``posix.system``: code that a
            careless program would run. Nothing of it is run here.
    """

    path: str
    container: str
    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorInfo]
    size: int
    mtime_ns: int
    wrapper: str = ""
    code: tuple[str, ...] = ()


def checked_sizes(values: object) -> tuple[int, ...]:
    """A list or tuple from a file as sizes or strides that torch can take.

    Raises:
        ValueError: it is no sequence of whole numbers from 0, or too long.
    """
    if not isinstance(values, (list, tuple)) or len(values) > MOST_DIMENSIONS:
        raise ValueError("a shape is not a short list")
    for value in values:
        if type(value) is not int or not 0 <= value <= MOST_ELEMENTS:
            raise ValueError("a shape holds something other than sizes")
    return tuple(values)


def checked_shape(values: object) -> tuple[int, ...]:
    """A list or tuple from a file as a shape that torch can index; errors as in :func:`checked_sizes`."""
    shape = checked_sizes(values)
    # An empty dimension does not help: torch multiplies the others for the strides.
    if math.prod(size or 1 for size in shape) > MOST_ELEMENTS:
        raise ValueError("a shape has more elements than any tensor")
    return shape
