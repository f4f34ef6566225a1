"""What a file holds, from its header alone. No weight is read and torch is not needed."""

from __future__ import annotations

import os
from types import MappingProxyType

from . import safetensors_header
from .foreign import foreign_file, looks_like_text
from .layout import Inventory, Record, TensorInfo
from .source import Source
from .torch_file import legacy as torch_legacy
from .torch_file import zip as torch_zip

__all__ = ["Inventory", "Record", "TensorInfo", "inventory_of", "read_inventory"]


def read_inventory(path: str | os.PathLike[str]) -> Inventory:
    """Names, formats, shapes and places of all tensors of a file; the container is told by content, not by name.

    Raises:
        UnreadableFile: the path is missing, is no regular file, or cannot be read.
        DamagedFile: the header contradicts itself or the file's size.
        UnsupportedFile: the content is something else than tensors in a known container.
    """
    with Source(path) as source:
        return inventory_of(source)


def inventory_of(source: Source, faults: list[str] | None = None) -> Inventory:
    """The same for a file that is open already; ``faults`` as in :func:`.safetensors_header.read_header`."""
    wrapper, code = "", tuple[str, ...]()
    head = source.read(0, min(16, source.size))
    if head.startswith(b"PK\x03\x04"):
        container = "torch-zip"
        metadata, tensors, wrapper, code = torch_zip.read_header(source)
    elif head[8:9] == b"{" and not looks_like_text(head):
        container = "safetensors"
        metadata, tensors = safetensors_header.read_header(source, faults)
    elif head.startswith(b"\x80"):
        container = "torch-legacy"
        metadata, tensors, wrapper, code = torch_legacy.read_header(source)
    else:
        raise foreign_file(source)
    return Inventory(
        path=source.path,
        container=container,
        metadata=MappingProxyType(metadata),
        tensors=MappingProxyType(tensors),
        size=source.size,
        mtime_ns=source.mtime_ns,
        wrapper=wrapper,
        code=code,
    )
