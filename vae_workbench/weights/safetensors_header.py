"""The header of a safetensors file: eight bytes of length, then JSON, then the tensors' bytes without a gap.

Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidInput
from .dtypes import byte_size
from .layout import TensorInfo, checked_shape
from .source import Source

METADATA = "__metadata__"
LENGTH = struct.Struct("<Q")
LARGEST_HEADER = 100_000_000
"""Bytes that safetensors itself reads, ``MAX_HEADER_SIZE`` in its source. Workflows and thumbnails take many of them."""

LARGEST_TEXT = 64 << 10
"""Bytes of a text in a header of more than ``SMALL_HEADER``: a longer one is replaced by its size while it is read."""

LARGEST_KEPT = 8 << 20
SMALL_HEADER = 1 << 20
MOST_MARKS = 600_000
"""Bounds on memory, in bytes without long texts and in marks: ``"``, ``,``, ``[`` and ``{``. No JSON value comes without
a mark, and none takes more than 72 bytes beside its text. The largest known checkpoints need 1 MiB and 50,000 marks; so much
is small enough to be neither counted nor copied with care."""

BLOCK = 256 << 10
"""Bytes of a large header that are read at once."""

_FIXED = {2: ":{", 3: "dtype", 4: ":", 6: ",", 7: "shape", 9: "data_offsets"}
"""What stands between the quotation marks of ``"name":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},``."""

_ESCAPED = [*map(chr, range(32)), "\\"]
"""Characters that JSON only allows escaped, and the one that escapes them."""

_BLANKS = re.compile(rb"[ \t\r\n]{2,}")

Header = tuple[dict[str, str], dict[str, TensorInfo]]


def read_header(source: Source, faults: list[str] | None = None) -> Header:
    """Metadata and tensors. Reads the header and nothing else, and keeps no text of megabytes.

    Args:
        source: the file.
        faults: where faults are noted that hide no weights, to be read after "it": metadata that is no text, gaps between
            tensors and bytes behind them. Without it they are errors, as the format demands.

    Raises:
        DamagedFile: the header is cut off or contradicts itself or the file's size.
        UnsupportedFile: the header is too large to be taken for real.
    """
    (length,) = LENGTH.unpack(source.read(0, LENGTH.size))
    start = LENGTH.size + length
    if start > source.size:
        raise source.damaged(f"it is cut off in its header ({start} bytes promised, {source.size} there)")
    if length > LARGEST_HEADER:
        raise _too_large(source)
    try:
        text = (source.read(LENGTH.size, length) if length <= SMALL_HEADER else _shortened(source, start)).decode()
        if length > SMALL_HEADER and sum(map(text.count, '",[{')) > MOST_MARKS:
            raise _too_large(source)
        if faults is not None:
            return _any_header(text, start, source.size, faults)
        return _parsed(text, start, source.size)
    except UnicodeError as error:
        raise source.damaged("its header is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise source.damaged(f"its header is not JSON ({error.msg} at character {error.pos})") from error
    except ValueError as error:
        raise source.damaged(str(error)) from error
    except RecursionError as error:
        raise source.damaged("its header is nested too deeply") from error


def header_bytes(tensors: Iterable[tuple[str, str, tuple[int, ...]]], metadata: Mapping[str, str]) -> tuple[bytes, int]:
    """The header for tensors of these names, formats and shapes in this order, and how many bytes they will take.

    Raises:
        InvalidInput: the header would be none that :func:`read_header` accepts.
    """
    entries: dict[str, object] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    try:
        _checked_metadata(tuple(metadata.items()))
        for name, dtype, shape in tensors:
            begin, end = end, end + byte_size(dtype, math.prod(checked_shape(shape)))
            if name in entries or name == METADATA:
                raise ValueError(f"there are two entries named {name!r}")
            entries[_encodable(name)] = {"dtype": dtype, "shape": shape, "data_offsets": (begin, end)}
    except ValueError as error:
        raise InvalidInput(f"No safetensors file can hold these tensors: {error}", "Rename or convert them") from error
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH.size)
    if len(text) > LARGEST_KEPT:
        raise InvalidInput("The names and metadata of the tensors take more than 8 MiB", "Leave out metadata")
    return LENGTH.pack(len(text)) + text, end


def _too_large(source: Source) -> Exception:
    return source.unsupported(
        "has a header that is larger than that of any known model", "Remove its metadata where it was made"
    )


def _shortened(source: Source, end: int) -> bytes:
    """A header up to the offset ``end`` of the file, with long texts replaced by their sizes, and blanks by one.

    Raises:
        UnsupportedFile: what is left is still too large.
    """
    kept, text = bytearray(), bytearray()  # before the text that is being read, and its beginning
    size, quotes, inside, held = 0, 0, False, b""
    for place in range(LENGTH.size, end, BLOCK):
        block = held + source.read(place, min(BLOCK, end - place))
        plain = block.replace(b"\\\\", b"__").replace(b'\\"', b"__")  # of the same length, without escaped quotes
        held = b"\\" if plain.endswith(b"\\") else b""  # belongs to the first character of the next block
        quotes += plain.count(b'"')
        if len(kept) > LARGEST_KEPT or quotes > MOST_MARKS:
            raise _too_large(source)
        offset = 0
        for number, part in enumerate(plain.removesuffix(held).split(b'"')):
            if number:
                if inside:
                    kept += _quoted(text, size)
                    text.clear()
                size, inside = 0, not inside
            piece = block[offset : offset + len(part)]
            offset += len(part) + 1
            if not inside:
                kept += _BLANKS.sub(b" ", piece)
            elif size <= LARGEST_TEXT:
                text += piece
            size += len(part)
    return bytes(kept + (b'"' + text if inside else b"") + held)


def _quoted(text: bytes | bytearray, size: int) -> bytes:
    return b'"%s"' % text if size <= LARGEST_TEXT else b'"(%.1f MB of text)"' % (size / 1e6)


def _parsed(text: str, start: int, file_size: int) -> Header:
    if len(text) <= SMALL_HEADER:
        with contextlib.suppress(ValueError):
            return _plain_header(text, start, file_size)
    return _any_header(text, start, file_size)


def _plain_header(text: str, start: int, file_size: int) -> Header:
    """The header if it is written as the safetensors library writes it: no blanks or escapes, tensors in file order.

    Then the text is known in advance but for names, formats and shapes, so it is cut at its quotation marks and
    compared with what must stand there, which takes half the time of parsing and checking any JSON.

    Raises:
        ValueError: it is written in another way, or faulty; :func:`_any_header` knows which.
    """
    metadata, body = _split_metadata(text)
    pieces = (body[:-1] + ",").split('"')
    plain = body.isascii() and body.endswith("}}") and not pieces[0] and not any(map(body.__contains__, _ESCAPED))
    if not plain or any(set(pieces[place::10]) != {fixed} for place, fixed in _FIXED.items()):
        raise ValueError("the header is not plain")
    tensors: dict[str, TensorInfo] = {}
    known: dict[tuple[str, str], tuple[str, tuple[int, ...], int]] = {}
    end = 0
    forms = zip(pieces[5::10], pieces[8::10], strict=True)
    for name, form, span in zip(pieces[1::10], forms, pieces[10::10], strict=True):
        dtype, shape, size = known.get(form) or known.setdefault(form, _plain_form(*form))
        begin, end = end, end + size
        if span != f":[{begin},{end}]}},":
            raise ValueError("the tensors are not in order")
        tensors[name] = TensorInfo(dtype, shape, start + begin, size)
    if METADATA in tensors or len(tensors) * 10 + 1 != len(pieces) or start + end != file_size:
        raise ValueError("a name comes twice, or the tensors do not fill the file")
    return metadata, tensors


def _split_metadata(text: str) -> tuple[dict[str, str], str]:
    """Metadata, and the text of the tensors behind it; an empty text if nothing plain follows."""
    opening = f'{{"{METADATA}":'
    if not text.startswith(opening):
        return {}, text[1:].rstrip(" ")
    pairs, end = _JSON.raw_decode(text, len(opening))
    return _checked_metadata(pairs), text[end + 1 :].rstrip(" ") if text[end : end + 1] == "," else ""


def _plain_form(dtype: str, shape_text: str) -> tuple[str, tuple[int, ...], int]:
    """For a format and the text ``:[320,4,3,3],`` the format, the shape and the size in bytes."""
    if not (shape_text.startswith(":[") and shape_text.endswith("],")):
        raise ValueError("a shape is not a list")
    shape = checked_shape(_JSON.decode(shape_text[1:-1]))
    return dtype, shape, byte_size(dtype, math.prod(shape))


def _any_header(text: str, start: int, file_size: int, faults: list[str] | None = None) -> Header:
    """The header as any JSON that follows the rules, but for those whose breach is to be noted in ``faults``.

    Raises:
        ValueError: which rule it breaks.
    """
    if not text.startswith("{"):
        raise ValueError("its header does not begin with a brace")
    entries = _unique(_JSON.decode(text), "its header")
    raw = entries.pop(METADATA, ())
    metadata = _checked_metadata(raw) if faults is None else _mended_metadata(raw, faults)
    tensors = {_encodable(name): _tensor(name, entry, start) for name, entry in entries.items()}
    _check_cover(tensors, start, file_size, faults)
    return metadata, tensors


def _unique(pairs: object, where: str) -> dict[str, Any]:
    """A JSON object, kept by the decoder as a tuple of pairs, as a dict."""
    if not isinstance(pairs, tuple):
        raise ValueError(f"{where} is not a JSON object")
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError(f"{where} holds a name twice")
    return entries


def _checked_metadata(pairs: object) -> dict[str, str]:
    """The metadata. ``null``, as some programs write it, is none."""
    metadata = {} if pairs is None else _unique(pairs, "its metadata")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata holds something other than text")
    return {_encodable(key): _encodable(value) for key, value in metadata.items()}


def _mended_metadata(raw: object, faults: list[str]) -> dict[str, str]:
    """What is text in the metadata, and what is not as the JSON that it was."""
    if not isinstance(raw, tuple):
        faults.append(f"has {json.dumps(raw)[:40]} as metadata instead of named texts")
        return {}
    if any(not isinstance(value, str) for _, value in raw):
        faults.append("has metadata that is no text")
    if len(dict(raw)) != len(raw):
        faults.append("has metadata that holds a name twice")
    return _checked_metadata(
        tuple({key: value if isinstance(value, str) else json.dumps(value) for key, value in raw}.items())
    )


def _encodable(text: str) -> str:
    """The text itself, unless it holds half of a surrogate pair, which nothing can display or write."""
    text.encode()
    return text


def _tensor(name: str, entry: object, start: int) -> TensorInfo:
    label = f"its tensor {name[:80]!r}"
    fields = _unique(entry, label)
    try:
        dtype, sizes, (begin, end) = fields["dtype"], fields["shape"], fields["data_offsets"]
        if not (type(dtype) is str and type(begin) is int and type(end) is int and 0 <= begin <= end):
            raise ValueError("format or offsets are of the wrong kind")
        shape = checked_shape(sizes)
        size = byte_size(dtype, math.prod(shape))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{label} has no valid format, shape and offsets ({error})") from error
    if end - begin != size:
        raise ValueError(f"{label} takes {size} bytes, but {end - begin} are set aside")
    return TensorInfo(dtype, shape, start + begin, size)


def _check_cover(tensors: dict[str, TensorInfo], start: int, file_size: int, faults: list[str] | None = None) -> None:
    """Tensors lie side by side and fill the file, as the format demands; gaps are noted if there are ``faults``."""
    end = start
    gaps = 0
    for name, info in sorted(tensors.items(), key=lambda item: (item[1].offset, item[1].nbytes)):
        if info.offset != end and (faults is None or info.offset < end):
            raise ValueError(f"its tensor {name[:80]!r} overlaps another or leaves a gap before it")
        gaps += info.offset - end
        end = info.offset + info.nbytes
    if end > file_size:
        raise ValueError(f"it is cut off ({end} bytes promised, {file_size} there)")
    if end < file_size and faults is None:
        raise ValueError(f"{file_size - end} bytes at its end belong to no tensor")
    if faults is not None:
        faults += [f"has {gaps} bytes between its tensors that belong to none"] if gaps else []
        faults += [f"has {file_size - end} bytes at its end that belong to no tensor"] if end < file_size else []


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("its header holds a number that is too large")
    return int(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"its header holds {name}, which is not JSON")


_JSON = json.JSONDecoder(object_pairs_hook=tuple, parse_int=_integer, parse_constant=_no_constant)
"""Keeps objects as tuples of pairs, so that a name that comes twice is seen."""
