"""From the value that a torch file holds to its tensors: where the state dict is, and where each tensor lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from .dtypes import BITS, byte_size
from .layout import Record, TensorInfo, checked_shape, checked_sizes
from .source import Source
from .torch_pickle import CONVERT, PickledTensor, StorageReference

LIGHTNING = "state_dict"
TRAINERS = ("params_ema", "params", "model")
"""Keys under which a state dict may lie; the trainers' only if there is no tensor beside them, the best one first."""


MOST_REPEATED = 1 << 28
"""Elements that a tensor may claim by repeating fewer ones: beyond, it is there to fill the memory of who copies it."""


class TorchHeader(NamedTuple):
    """Plain values beside the state dict as text, its tensors, and the key that it lay under (or an empty string)."""

    metadata: dict[str, str]
    tensors: dict[str, TensorInfo]
    wrapper: str


def header_of(source: Source, root: object, locate: Callable[[StorageReference], Record]) -> TorchHeader:
    """The tensors of a torch file. ``locate`` tells where the file keeps a storage.

    Raises:
        DamagedFile: a tensor reaches beyond its storage.
        UnsupportedFile: there is no state dict, or it has a number format that is unknown.
    """
    if not isinstance(root, dict):
        raise source.unsupported("holds a program object instead of named tensors", CONVERT)
    wrapper, entries = _unwrapped(root)
    tensors = _tensors(entries)
    for name, tensor in tensors.items():
        if tensor.dtype not in BITS:
            raise source.unsupported(f"keeps {name[:80]!r} as {tensor.dtype}, which is not read here", CONVERT)
    records = {tensor.storage.key: locate(tensor.storage) for tensor in tensors.values()}
    try:
        placed = {name: _placed(tensor, records[tensor.storage.key]) for name, tensor in tensors.items()}
    except ValueError as error:
        raise source.damaged(str(error)) from error
    return TorchHeader(_plain_values(root), placed, wrapper)


def _unwrapped(root: dict[object, object]) -> tuple[str, dict[object, object]]:
    for key in (LIGHTNING,) if _tensors(root) else (LIGHTNING, *TRAINERS):
        inner = root.get(key)
        if isinstance(inner, dict):
            return key, inner
    return "", root


def _tensors(entries: dict[object, object]) -> dict[str, PickledTensor]:
    return {
        name: value for name, value in entries.items() if isinstance(name, str) and isinstance(value, PickledTensor)
    }


def _plain_values(root: dict[object, object]) -> dict[str, str]:
    return {
        key: str(value) for key, value in root.items() if isinstance(key, str) and isinstance(value, (str, int, float))
    }


def _placed(tensor: PickledTensor, record: Record) -> TensorInfo:
    """Where a tensor lies in its record.

    Raises:
        ValueError: its geometry makes no sense, or reaches beyond the record.
    """
    shape, strides = checked_sizes(tensor.shape), checked_sizes(tensor.strides)
    if type(tensor.first) is not int or tensor.first < 0:
        raise ValueError("the offset of a tensor is damaged")
    elements, plain = _extent(shape, strides)
    offset = byte_size(tensor.storage.dtype, tensor.storage.first) + byte_size(tensor.dtype, tensor.first)
    nbytes = byte_size(tensor.dtype, elements)
    if nbytes and offset + nbytes > record.size:
        raise ValueError("a tensor reaches beyond its storage")
    return TensorInfo(tensor.dtype, shape, offset, nbytes, None if plain else strides, record)


@lru_cache(maxsize=1024)
def _extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, bool]:
    """Elements from the first to the last one of a tensor, and whether they lie in order without gaps.

    Few shapes make up a checkpoint, so that nearly all of this is done once.
    """
    checked_shape(shape)
    if len(shape) != len(strides):
        raise ValueError("a tensor has more strides than sizes, or fewer")
    if 0 in shape:
        return 0, True
    if math.prod(shape) > MOST_REPEATED and 0 in strides:
        raise ValueError("a tensor repeats its elements beyond measure")
    elements = 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    step, plain = 1, True
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        plain = plain and (size == 1 or stride == step)
        step *= size
    return elements, plain
