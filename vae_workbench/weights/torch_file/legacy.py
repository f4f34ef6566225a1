"""Torch files before 1.6: four pickles and a list of storages, one after the other.

In order: a magic number, a protocol number, facts on the computer, the saved value, the keys of the storages, and for
each key eight bytes of element count followed by the elements.
"""

from __future__ import annotations

import struct

from ..layout import Record
from ..pickled_code import naming_code
from ..source import Source
from ..state_dict import TorchHeader, header_of
from .tensor_pickle import CONVERT, StorageReference, TorchPickle

MAGIC = 0x1950A86A20F9469CFC6C
COUNT = struct.Struct("<q")


def read_header(source: Source) -> TorchHeader:
    """Tensors from the pickles alone; reads up to 6 KiB beyond them, because their length is not written anywhere.

    Raises:
        DamagedFile: the pickles are cut off, or the storages reach beyond the file.
        UnsupportedFile: a pickle of something else, or big-endian numbers.
    """
    pickles = TorchPickle(source)
    with naming_code(pickles):
        return _header(source, pickles)


def _header(source: Source, pickles: TorchPickle) -> TorchHeader:
    if pickles.run() != MAGIC:
        raise source.unsupported("is a Python pickle, but not one written by torch.save", CONVERT)
    pickles.run()
    system = pickles.run()
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise source.unsupported("holds big-endian numbers", "Save it again on a little-endian computer")
    root = pickles.run()
    records = _records(source, pickles, pickles.run())

    def locate(storage: StorageReference) -> Record:
        if storage.key not in records:
            raise source.damaged(f"its storage {storage.key[:80]!r} is missing")
        return records[storage.key]

    return header_of(source, pickles, root, locate)


def data_start(source: Source, record: Record) -> int:
    """The file offset of a storage's bytes. Raises DamagedFile if the count before them is not the one expected."""
    (elements,) = COUNT.unpack(source.read(record.header, COUNT.size))
    if elements != record.elements:
        raise source.damaged(f"its storage {record.key[:80]!r} does not begin where it should")
    return record.header + COUNT.size


def _records(source: Source, pickles: TorchPickle, keys: object) -> dict[str, Record]:
    """Where each storage must be, given the order of their keys."""
    records: dict[str, Record] = {}
    place = pickles.position
    for key in keys if isinstance(keys, list) else ():
        storage = pickles.storages.get(key) if isinstance(key, str) else None
        if storage is None or key in records:
            raise source.damaged("its list of storages does not fit its tensors")
        records[key] = Record(key, place, storage.size, storage.size, elements=storage.elements)
        place += COUNT.size + storage.size
    if place > source.size:
        raise source.damaged(f"it is cut off ({place} bytes promised, {source.size} there)")
    return records
