"""The instructions of pickle that push a value written out in the file: numbers, texts, bytes, constants."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

from .state import OPAQUE, PickleState, Step

LONGEST_TEXT = 1 << 10
LONGEST_INTEGER = 64
LONGEST_LINE = 512
"""Bounds on memory and time, in bytes: longer texts and integers become :data:`.state.OPAQUE`, longer lines are faults."""


def line_at(state: PickleState, place: int) -> tuple[str, int]:
    """An argument that ends with its line, and the offset behind it."""
    end = state.data.find(b"\n", place, place + LONGEST_LINE)
    if end < 0:
        raise ValueError("a line has no end")
    return state.data[place:end].decode(), end + 1


def whole_number(digits: str) -> int:
    """The number of a text argument. Raises ValueError if it is none, or has too many digits."""
    if len(digits) > LONGEST_INTEGER:
        raise ValueError("it holds a number of too many digits")
    return int(digits)


def _constant(value: object) -> Step:
    def push(state: PickleState, place: int) -> int:
        state.stack.append(value)
        return place

    return push


def _packed(layout: str) -> Step:
    form = struct.Struct(layout)

    def push(state: PickleState, place: int) -> int:
        state.stack.append(form.unpack_from(state.data, place)[0])
        return place + form.size

    return push


def _line(convert: Callable[[str], object]) -> Step:
    def push(state: PickleState, place: int) -> int:
        text, place = line_at(state, place)
        state.stack.append(convert(text))
        return place

    return push


def _counted(layout: str, convert: Callable[[bytearray], object]) -> Step:
    form = struct.Struct(layout)

    def push(state: PickleState, place: int) -> int:
        length: int = form.unpack_from(state.data, place)[0]
        place += form.size
        state.stack.append(convert(state.taken(place, length)))
        return place + length

    return push


def _text(raw: bytearray) -> object:
    return raw.decode() if len(raw) <= LONGEST_TEXT else OPAQUE


def _old_text(raw: bytearray) -> object:
    """Texts of Python 2, whose encoding is not told: Latin-1 can represent them all."""
    return raw.decode("latin-1") if len(raw) <= LONGEST_TEXT else OPAQUE


def _integer(raw: bytearray) -> object:
    return int.from_bytes(raw, "little", signed=True) if len(raw) <= LONGEST_INTEGER else OPAQUE


def _opaque(_: bytearray) -> object:
    return OPAQUE


def _int_line(digits: str) -> object:
    return digits == "01" if digits in ("00", "01") else whole_number(digits)


VALUE_STEPS: dict[bytes, Step] = {
    pickle.NONE: _constant(None),
    pickle.NEWTRUE: _constant(True),
    pickle.NEWFALSE: _constant(False),
    pickle.EMPTY_TUPLE: _constant(()),
    pickle.EMPTY_SET: _constant(OPAQUE),
    pickle.NEXT_BUFFER: _constant(OPAQUE),
    pickle.BININT: _packed("<i"),
    pickle.BININT1: _packed("B"),
    pickle.BININT2: _packed("<H"),
    pickle.BINFLOAT: _packed(">d"),
    pickle.INT: _line(_int_line),
    pickle.LONG: _line(lambda digits: whole_number(digits.removesuffix("L"))),
    pickle.FLOAT: _line(float),
    pickle.STRING: _line(lambda quoted: quoted[1:-1]),
    pickle.UNICODE: _line(str),
    pickle.LONG1: _counted("B", _integer),
    pickle.LONG4: _counted("<I", _integer),
    pickle.SHORT_BINUNICODE: _counted("B", _text),
    pickle.BINUNICODE: _counted("<I", _text),
    pickle.BINUNICODE8: _counted("<Q", _text),
    pickle.SHORT_BINSTRING: _counted("B", _old_text),
    pickle.BINSTRING: _counted("<I", _old_text),
    pickle.SHORT_BINBYTES: _counted("B", _opaque),
    pickle.BINBYTES: _counted("<I", _opaque),
    pickle.BINBYTES8: _counted("<Q", _opaque),
    pickle.BYTEARRAY8: _counted("<Q", _opaque),
}
"""Instruction code → what it does."""
