"""Torch files since 1.6: an uncompressed zip archive of ``data.pkl`` and one record for each storage."""

from __future__ import annotations

from ..foreign import zip_of
from ..layout import Record
from ..pickle import LARGEST_PICKLE, too_large
from ..pickled_code import naming_code
from ..source import Source
from ..state_dict import TorchHeader, header_of
from .tensor_pickle import CONVERT, StorageReference, TorchPickle
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
        raise source.unsupported(*zip_of(records))
    if f"{folder}/constants.pkl" in records:
        raise source.unsupported("is a TorchScript program, not a file of tensors", CONVERT)
    order = records.get(f"{folder}/byteorder")
    if order and _content(source, order) == b"big":
        raise source.unsupported("holds big-endian numbers", "Save it again on a little-endian computer")

    def locate(storage: StorageReference) -> Record:
        record = records.get(f"{folder}/data/{storage.key}")
        if record is None or record.size != storage.size:
            raise source.damaged(f"its storage {storage.key[:80]!r} is missing or of the wrong size")
        return record

    pickles = TorchPickle(source, _content(source, pickled))
    with naming_code(pickles):
        if pickled.size > LARGEST_PICKLE:
            raise too_large(source)
        return header_of(source, pickles, pickles.run(), locate)


def _content(source: Source, record: Record) -> bytes:
    """The bytes of a record, at most as many as a pickle may have."""
    buffer = bytearray(min(record.size, LARGEST_PICKLE))
    read_part(source, record, 0, memoryview(buffer))
    return bytes(buffer)
