"""Torch files since 1.6: an uncompressed zip archive of ``data.pkl`` and one record for each storage."""

from __future__ import annotations

from .layout import Record
from .pickle_machine import LARGEST_PICKLE, too_large
from .source import Source
from .state_dict import TorchHeader, header_of
from .torch_pickle import CONVERT, StorageReference, TorchPickle
from .zip_directory import read_directory, read_part


def read_header(source: Source) -> TorchHeader:
    """Tensors from the directory and ``data.pkl`` alone.

    Raises:
        DamagedFile: archive, pickle and storages contradict each other.
        UnsupportedFile: an archive of something else, a TorchScript program, or big-endian numbers.
    """
    records = read_directory(source)
    folder = next(iter(records), "").partition("/")[0]
    pickled = records.get(f"{folder}/data.pkl")
    if pickled is None:
        raise source.unsupported("is an archive, but not one written by torch.save", "Choose a model file")
    if f"{folder}/constants.pkl" in records:
        raise source.unsupported("is a TorchScript program, not a file of tensors", CONVERT)
    if pickled.size > LARGEST_PICKLE:
        raise too_large(source)
    order = records.get(f"{folder}/byteorder")
    if order and _content(source, order) == b"big":
        raise source.unsupported("holds big-endian numbers", "Save it again on a little-endian computer")

    def locate(storage: StorageReference) -> Record:
        record = records.get(f"{folder}/data/{storage.key}")
        if record is None or record.size != storage.size:
            raise source.damaged(f"its storage {storage.key[:80]!r} is missing or of the wrong size")
        return record

    return header_of(source, TorchPickle(source, _content(source, pickled)).run(), locate)


def _content(source: Source, record: Record) -> bytes:
    buffer = bytearray(record.size)
    read_part(source, record, 0, memoryview(buffer))
    return bytes(buffer)
