"""The directory at the end of a zip archive, and the bytes of its records. Nothing is ever extracted to a path.

``zipfile`` takes a directory of any size into memory, with a kilobyte for each record, and fails in a dozen ways; here
everything has a bound. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (sections in parentheses below).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from ..layout import Record
from ..source import Source

LOCAL = struct.Struct("<4s5H3I2H")
"""A record's own header (4.3.7): signature, …, length of name, length of extra field."""

CENTRAL = struct.Struct("<4s6H3I5H2I")
"""A directory entry (4.3.12): signature, versions (2), flags, method, time, date, crc, packed and unpacked size,
lengths of name, extra field and comment, disk, attributes (2), offset of the record."""

END = struct.Struct("<4s4H2IH")
"""The end of the directory (4.3.16): signature, disks (2), entries (2), size and offset of the directory, comment."""

END64 = struct.Struct("<4sQ2H2I4Q")
"""The same for large archives (4.3.14): …, size and offset of the directory last."""

LOCATOR64 = struct.Struct("<4sIQI")
"""Where the latter is (4.3.15); it lies right before the end record."""

LONGEST_COMMENT = 0xFFFF
LARGEST_DIRECTORY = 4 << 20
"""Bytes; 2,500 tensors take 170 KB. A bound on memory."""

LARGEST_RATIO = 100
HARMLESS_SIZE = 16 << 20
"""A record may unpack to 16 MiB, or to 100 times the bytes that it takes. Weights hardly shrink at all."""

REPACK = "Pack it again without compression"

STORED, DEFLATED = 0, 8
ENCRYPTED = 1
IN_EXTRA = 0xFFFFFFFF
"""Stands in a size or an offset when the number is in the zip64 extra field (4.5.3)."""

CHUNK = 256 << 10


def read_directory(source: Source) -> dict[str, Record]:
    """The records of an archive by name.

    Raises:
        DamagedFile: there is no directory, or it contradicts itself or the file's size.
        UnsupportedFile: the archive is encrypted, packed by an unusual method, or packed like a zip bomb.
    """
    start, size = _directory_range(source)
    if size > LARGEST_DIRECTORY:
        raise source.unsupported("is an archive of far more files than any known model", "Choose another file")
    data = source.read(start, size)
    records: dict[str, Record] = {}
    try:
        for record in _entries(source, data):
            if record.key in records:
                raise ValueError(f"its archive holds {record.key[:80]!r} twice")
            if record.header + LOCAL.size + record.stored > start:
                raise ValueError(f"its record {record.key[:80]!r} is cut off")
            records[record.key] = record
    except struct.error as error:
        raise source.damaged("the directory of its archive is cut off") from error
    except ValueError as error:
        raise source.damaged(str(error)) from error
    return records


def data_start(source: Source, record: Record) -> int:
    """The file offset of a record's bytes, which its own header tells. Raises DamagedFile if that is none."""
    header = source.read(record.header, LOCAL.size)
    signature, *_, name_length, extra_length = LOCAL.unpack(header)
    start = int(record.header + LOCAL.size + name_length + extra_length)
    if signature != b"PK\x03\x04" or start + record.stored > source.size:
        raise source.damaged(f"its record {record.key[:80]!r} is not where the archive says")
    return start


def read_part(source: Source, record: Record, offset: int, buffer: memoryview) -> None:
    """Fills ``buffer`` with the unpacked bytes of a record from ``offset`` on. The caller has compared their sizes.

    Raises:
        DamagedFile: the record cannot be unpacked, or unpacks to less than it promises.
        UnreadableFile: as in :meth:`Source.read`.
    """
    start = data_start(source, record)
    if not record.compressed:
        source.read_into(start + offset, buffer)
        return
    skip, filled = offset, 0
    for chunk in _inflated(source, record, start):
        part = chunk[skip:][: len(buffer) - filled]
        skip = max(skip - len(chunk), 0)
        buffer[filled : filled + len(part)] = part
        filled += len(part)
        if filled == len(buffer):
            return
    raise source.damaged(f"its record {record.key[:80]!r} unpacks to less than the archive says")


def _inflated(source: Source, record: Record, start: int) -> Iterator[bytes]:
    """The unpacked bytes of a deflated record, at most ``CHUNK`` at a time."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    place, end = start, start + record.stored
    try:
        while not inflater.eof:
            packed = inflater.unconsumed_tail
            if not packed:
                packed = source.read(place, min(CHUNK, end - place))
                place += len(packed)
            chunk = inflater.decompress(packed, CHUNK)
            if not (chunk or packed):
                return
            yield chunk
    except zlib.error as error:
        raise source.damaged(f"its record {record.key[:80]!r} cannot be unpacked") from error


def _directory_range(source: Source) -> tuple[int, int]:
    """Offset and size of the directory. Reads 22 bytes of an archive without a comment, 64 KiB of one with it."""
    end, place = _end_record(source)
    _, _, _, _, entries, size, start, _ = END.unpack_from(end)
    if IN_EXTRA in (size, start) or entries == 0xFFFF:
        size, start, place = _large_directory_range(source, place)
    if start + size > place:
        raise source.damaged("the directory of its archive is not where it says")
    return start, size


def _end_record(source: Source) -> tuple[bytes, int]:
    for length in (END.size, END.size + LONGEST_COMMENT):
        length = min(length, source.size)
        tail = source.read(source.size - length, length)
        at = tail.rfind(b"PK\x05\x06", 0, length - END.size + 4)
        if at >= 0:
            return tail[at:], source.size - length + at
    raise source.damaged("it is cut off (the directory at the end of its archive is missing)")


def _large_directory_range(source: Source, end_place: int) -> tuple[int, int, int]:
    """Size and offset of the directory from the zip64 records, and where the first of these begins."""
    locator_place = end_place - LOCATOR64.size
    if locator_place >= END64.size:
        signature, _, place, _ = LOCATOR64.unpack(source.read(locator_place, LOCATOR64.size))
        if signature == b"PK\x06\x07" and place + END64.size <= locator_place:
            signature, *_, size, start = END64.unpack(source.read(place, END64.size))
            if signature == b"PK\x06\x06":
                return size, start, place
    raise source.damaged("the directory of its large archive is not where it says")


def _entries(source: Source, data: bytes) -> Iterator[Record]:
    place = 0
    while place < len(data):
        fields = CENTRAL.unpack_from(data, place)
        signature, _, _, flags, method, _, _, _, stored, size, name_length, extra_length, comment_length, *_ = fields
        header = fields[-1]
        if signature != b"PK\x01\x02":
            raise ValueError("the directory of its archive holds something else")
        name_end = place + CENTRAL.size + name_length
        name = data[name_end - name_length : name_end].decode(errors="backslashreplace")
        if IN_EXTRA in (stored, size, header):
            extra = data[name_end : name_end + extra_length]
            size, stored, header = _large_numbers(extra, (size, stored, header))
        place = name_end + extra_length + comment_length
        if flags & ENCRYPTED or method not in (STORED, DEFLATED):
            raise source.unsupported("is an archive that is encrypted or packed by an unusual method", REPACK)
        if method == STORED and size != stored:
            raise ValueError(f"its record {name[:80]!r} has two sizes")
        if size > max(HARMLESS_SIZE, LARGEST_RATIO * stored):
            raise source.unsupported("is an archive that unpacks to far more than it should (a zip bomb)", "Delete it")
        yield Record(name, header, stored, size, method == DEFLATED)


def _large_numbers(extra: bytes, numbers: tuple[int, int, int]) -> list[int]:
    """Unpacked size, packed size and offset, each taken from the zip64 field if it did not fit (4.5.3)."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            large = (value for (value,) in struct.iter_unpack("<Q", extra[place + 4 : place + 4 + length // 8 * 8]))
            return [next(large, number) if number == IN_EXTRA else number for number in numbers]
        place += 4 + length
    return list(numbers)
