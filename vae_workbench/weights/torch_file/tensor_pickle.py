"""What ``torch.save`` puts in its pickles: references to storages, and calls that rebuild tensors from them.

Source: ``torch/_utils.py`` and ``torch/serialization.py`` of https://github.com/pytorch/pytorch
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..dtypes import TORCH_NAMES, TORCH_STORAGES, byte_size
from ..pickle import OPAQUE, Global, PickleMachine
from ..source import Source

CONVERT = "Save its weights as safetensors in the program it came from"


class StorageReference(NamedTuple):
    """Bytes kept outside of the pickle: their key, the format and number of their elements, and where a view begins."""

    key: str
    dtype: str
    elements: int
    first: int = 0

    @property
    def size(self) -> int:
        """Bytes of the whole storage."""
        return byte_size(self.dtype, self.elements)


class PickledTensor(NamedTuple):
    """The arguments of a rebuilding call, unchecked: most tensors of a training state are never asked about.

    Attributes:
        storage: a :class:`StorageReference`.
        dtype: the format as safetensors names it, or the name that torch has for one that safetensors lacks.
        first, shape, strides: in elements, from the beginning of the storage.
    """

    storage: StorageReference
    dtype: str
    first: object
    shape: object
    strides: object


class TorchPickle(PickleMachine):
    """A pickle of ``torch.save``. ``storages`` collects the storages that it refers to, by key."""

    def __init__(self, source: Source, data: bytes | None = None, offset: int = 0) -> None:
        super().__init__(source, data, offset)
        self.storages: dict[str, StorageReference] = {}

    def persistent(self, name: object) -> object:
        """A storage: ``("storage", class, key, device, elements)``; before torch 1.6 with a view of it at the end.

        The other thing that torch kept outside was the source code of modules: ``("module", class, file, code)``.
        """
        match name:
            case ("module", _, _, _):
                return OPAQUE
            case ("storage", Global(kind), str(key), _, int(elements)):
                return self._storage(kind, key, elements)
            case ("storage", Global(kind), str(key), _, int(elements), None):
                return self._storage(kind, key, elements)
            case ("storage", Global(kind), str(key), _, int(elements), (_, int(first), int(count))):
                if not 0 <= first <= first + count <= elements:
                    raise ValueError("a view of a storage lies outside of it")
                return self._storage(kind, key, elements)._replace(first=first)
        raise ValueError("it refers to something that is no storage")

    def call(self, function: object, arguments: object) -> object:
        """A tensor or an empty dict where the name means one, else OPAQUE."""
        if not (isinstance(function, Global) and isinstance(arguments, tuple)):
            return OPAQUE
        return _CALLS.get(function.name, _opaque)(arguments)

    def _storage(self, kind: str, key: str, elements: int) -> StorageReference:
        dtype = TORCH_STORAGES.get(kind.rpartition(".")[2])
        if dtype is None:
            raise self.source.unsupported(f"keeps its tensors in a {kind}, which is not read here", CONVERT)
        storage = StorageReference(key, dtype, elements)
        if elements < 0 or self.storages.setdefault(key, storage) != storage:
            raise ValueError("it contradicts itself about the size of a storage")
        return storage


Call = Callable[[tuple[object, ...]], object]


def _opaque(_: tuple[object, ...]) -> object:
    return OPAQUE


def _tensor(arguments: tuple[object, ...]) -> object:
    """``_rebuild_tensor`` and ``_rebuild_tensor_v2``: ``(storage, first, shape, strides, …)``."""
    match arguments:
        case (StorageReference() as storage, first, shape, strides, *_):
            return PickledTensor(storage, storage.dtype, first, shape, strides)
    return OPAQUE


def _tensor_of_bytes(arguments: tuple[object, ...]) -> object:
    """``_rebuild_tensor_v3``, where no storage class exists: ``(bytes, first, shape, strides, _, _, dtype, …)``."""
    match arguments:
        case (StorageReference() as storage, first, shape, strides, _, _, Global(name), *_):
            return PickledTensor(storage, _DTYPES.get(name, name), first, shape, strides)
    return OPAQUE


def _first(arguments: tuple[object, ...]) -> object:
    """``_rebuild_parameter`` and its like: the tensor itself comes first."""
    return arguments[0] if arguments else OPAQUE


def _subclass(arguments: tuple[object, ...]) -> object:
    """``_rebuild_from_type_v2``: ``(function, class, arguments, state)``."""
    match arguments:
        case (Global(name), _, tuple(inner), _):
            return _TENSORS.get(name, _opaque)(inner)
    return OPAQUE


def _empty_dict(arguments: tuple[object, ...]) -> object:
    return OPAQUE if arguments else {}


_DTYPES = {f"torch.{name}": dtype for dtype, name in TORCH_NAMES.items() if dtype != "F4"}

_TENSORS: dict[str, Call] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_bytes,
}

_CALLS: dict[str, Call] = _TENSORS | {
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._tensor._rebuild_from_type_v2": _subclass,
    "torch.Size": _first,
    "collections.OrderedDict": _empty_dict,
    "builtins.dict": _empty_dict,
}
"""Everything that a file may call, and what comes of it."""
