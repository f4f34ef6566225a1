"""What a file holds, from its header alone. No weight is read and torch is not needed."""

from __future__ import annotations

import os
from types import MappingProxyType

from . import safetensors_header, torch_legacy, torch_zip
from .layout import Inventory, Record, TensorInfo
from .source import Source

__all__ = ["Inventory", "Record", "TensorInfo", "inventory_of", "read_inventory"]

CONVERT = "Save it as safetensors in the program it came from"
FOREIGN = (
    (257, b"ustar", "is a tar archive, as torch wrote before 2017", CONVERT),
    (0, b"GGUF", "is a GGUF model", CONVERT),
    (0, b"<", "is a web page, not a model", "Download it again from its download link"),
    (0, b"version https://git-lfs", "is only a git-lfs note about a model", "Download the model itself"),
)
"""Offset and beginning of files that people mistake for models, what they are, and what to do."""


def read_inventory(path: str | os.PathLike[str]) -> Inventory:
    """Names, formats, shapes and places of all tensors of a file; the container is told by content, not by name.

    Raises:
        UnreadableFile: the path is missing, is no regular file, or cannot be read.
        DamagedFile: the header contradicts itself or the file's size.
        UnsupportedFile: the content is something else than tensors in a known container.
    """
    with Source(path) as source:
        return inventory_of(source)


def inventory_of(source: Source) -> Inventory:
    """The same for a file that is open already."""
    wrapper = ""
    head = source.read(0, min(16, source.size))
    if head.startswith(b"PK\x03\x04"):
        container = "torch-zip"
        metadata, tensors, wrapper = torch_zip.read_header(source)
    elif head[8:9] == b"{":
        container = "safetensors"
        metadata, tensors = safetensors_header.read_header(source)
    elif head.startswith(b"\x80"):
        container = "torch-legacy"
        metadata, tensors, wrapper = torch_legacy.read_header(source)
    else:
        raise _foreign(source)
    return Inventory(
        path=source.path,
        container=container,
        metadata=MappingProxyType(metadata),
        tensors=MappingProxyType(tensors),
        size=source.size,
        mtime_ns=source.mtime_ns,
        wrapper=wrapper,
    )


def _foreign(source: Source) -> Exception:
    """The error for a file that is no container of tensors."""
    head = source.read(0, min(512, source.size))
    if not head:
        return source.damaged("it is empty")
    for offset, start, what, remedy in FOREIGN:
        if head.startswith(start, offset):
            return source.unsupported(what, remedy)
    return source.unsupported("is neither a safetensors nor a torch file", "Choose a model file, or download it again")
