"""From the value that a torch file holds to its tensors: where the state dict is, and where each tensor lies."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Set
from functools import lru_cache
from typing import NamedTuple, TypeGuard

from .dtypes import BITS, byte_size
from .layout import Record, TensorInfo, checked_shape, checked_sizes
from .pickle import too_large
from .pickled_code import code_among
from .source import Source
from .torch_file.tensor_pickle import CONVERT, PickledTensor, StorageReference, TorchPickle

STATE_DICT = "state_dict"
"""Where Lightning and most trainers keep the weights, and where the web UI looks: if it is there, nothing else counts."""

TRAINING = re.compile(r"optim|scheduler|scaler|callback|loops")
"""In keys of what a training program keeps beside the weights, which holds tensors too."""

AVERAGED = re.compile(r"(?:^|_)ema(?:_|$)|shadow")
"""In keys of averaged weights, which are meant to be used where the ones that they average lie beside them."""

MOSTLY = 0.9
"""Share of the weights that must be there averaged: averages leave out counters and the like."""

PARTS = ("encoder", "decoder", "quant_conv", "post_quant_conv")
"""Keys that are part of the tensors' names, however alone they stand: a VAE that was saved in parts."""

DEEPEST = 4
LONGEST_KEY = 60
LONGEST_JOINED = 512
MOST_LISTED = 60_000
"""Bounds on memory and time: levels of dicts in dicts, characters of their keys and of the names made from them, tensors."""

MOST_REPEATED = 1 << 28
"""Elements that a tensor may claim by repeating fewer ones: beyond, it is there to fill the memory of who copies it."""


class TorchHeader(NamedTuple):
    """What a torch file holds.

    Attributes:
        metadata: plain values beside the state dict, as text.
        tensors: by name.
        wrapper: the keys that the state dict lay under, joined by dots, or an empty string.
        code: see :attr:`.layout.Inventory.code`.
    """

    metadata: dict[str, str]
    tensors: dict[str, TensorInfo]
    wrapper: str
    code: tuple[str, ...]


def header_of(
    source: Source, pickles: TorchPickle, root: object, locate: Callable[[StorageReference], Record]
) -> TorchHeader:
    """The tensors of a torch file, whose ``pickles`` made the value ``root``. ``locate`` tells where it keeps a storage.

    Raises:
        DamagedFile: a tensor reaches beyond its storage.
        UnsupportedFile: there is no state dict, or it has a number format that is unknown, or far too many tensors.
    """
    root = _numbered(root)
    if not isinstance(root, dict):
        raise source.unsupported("holds a program object instead of named tensors", CONVERT)
    wrapper, tensors = _named_tensors(root)
    if len(tensors) > MOST_LISTED:
        raise too_large(source)
    for name, tensor in tensors.items():
        if tensor.dtype not in BITS:
            raise source.unsupported(f"keeps {name[:80]!r} as {tensor.dtype}, which is not read here", CONVERT)
    records = {tensor.storage.key: locate(tensor.storage) for tensor in tensors.values()}
    try:
        placed = {name: _placed(tensor, records[tensor.storage.key]) for name, tensor in tensors.items()}
    except ValueError as error:
        raise source.damaged(str(error)) from error
    return TorchHeader(_plain_values(root), placed, wrapper, code_among(pickles.names))


Tensors = dict[str, PickledTensor]


def _numbered(root: object) -> object:
    """Tensors without names, alone or in a list, as latents are saved: named by their places from ``0`` on."""
    if isinstance(root, PickledTensor):
        return {"0": root}
    if isinstance(root, (list, tuple)) and root and all(isinstance(item, PickledTensor) for item in root):
        return {str(place): item for place, item in enumerate(root)}
    return root


def _named_tensors(root: dict[object, object]) -> tuple[str, Tensors]:
    """The tensors of nested dicts, and the keys that lead to all of them.

    Those keys are left out of the names. Where tensors lie in several places, their keys are part of the names:
    ``{"vae": …, "unet": …}`` gives ``vae.decoder.conv_in.weight``.
    """
    inner = root.get(STATE_DICT)
    seen = {id(root)}
    wrapper, tensors = _below(inner, 1, seen) if isinstance(inner, dict) else ("", {})
    if tensors:
        return ".".join(filter(None, (STATE_DICT, wrapper))), tensors
    return _below(root, 0, seen)


def _below(entries: dict[object, object], depth: int, seen: set[int]) -> tuple[str, Tensors]:
    """As :func:`_named_tensors`. A dict that lies in several places is looked at once, which also ends circles."""
    tensors = {name: value for name, value in entries.items() if type(name) is str and isinstance(value, PickledTensor)}
    inside: dict[str, tuple[str, Tensors]] = {}
    for key, value in entries.items():
        if depth < DEEPEST and isinstance(value, dict) and _leads_on(key) and id(value) not in seen:
            seen.add(id(value))
            inside[key] = _below(value, depth + 1, seen)
    inside = _without_averaged({key: found for key, found in inside.items() if found[1]})
    if len(inside) == 1 and not tensors:
        ((key, (wrapper, only)),) = inside.items()
        if key not in PARTS:
            return ".".join(filter(None, (key, wrapper))), only
    for key, (wrapper, found) in inside.items():
        prefix = ".".join(filter(None, (key, wrapper)))
        for name, tensor in found.items():
            if len(name) <= LONGEST_JOINED:
                tensors.setdefault(f"{prefix}.{name}", tensor)
    return "", tensors


def _leads_on(key: object) -> TypeGuard[str]:
    return type(key) is str and len(key) <= LONGEST_KEY and not TRAINING.search(key.lower())


def _without_averaged(found: dict[str, tuple[str, Tensors]]) -> dict[str, tuple[str, Tensors]]:
    """Leaves out weights of which nearly all lie averaged under another key."""
    averages = {key: tensors.keys() for key, (_, tensors) in found.items() if AVERAGED.search(key.lower())}

    def averaged(names: Set[str]) -> bool:
        return any(len(names & average) >= MOSTLY * len(names) for average in averages.values())

    return {key: inner for key, inner in found.items() if key in averages or not averaged(inner[1].keys())}


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
