"""The instructions of pickle that move values on the stack, set marks, and remember values under numbers."""

from __future__ import annotations

import pickle
import struct

from .state import PickleState, Step
from .values import line_at, whole_number

MOST_MEMOS = 150_000
"""Values that a pickle may remember, a bound on memory; a tensor takes 10."""

_INDEX = struct.Struct("<I")


def _mark(state: PickleState, place: int) -> int:
    state.outer.append(state.stack)
    state.stack = []
    return place


def to_mark(state: PickleState) -> list[object]:
    """The values above the last mark, which is removed with them."""
    values, state.stack = state.stack, state.outer.pop()
    return values


def _pop_mark(state: PickleState, place: int) -> int:
    to_mark(state)
    return place


def _pop(state: PickleState, place: int) -> int:
    if not state.stack:
        return _pop_mark(state, place)
    state.stack.pop()
    return place


def _dup(state: PickleState, place: int) -> int:
    state.stack.append(state.stack[-1])
    return place


def _remember(state: PickleState, key: int, place: int) -> int:
    if len(state.memo) >= MOST_MEMOS:
        raise ValueError("it remembers more values than any known model")
    state.memo[key] = state.stack[-1]
    return place


def _recall(state: PickleState, key: int, place: int) -> int:
    state.stack.append(state.memo[key])
    return place


def _binput(state: PickleState, place: int) -> int:
    state.memo[state.data[place]] = state.stack[-1]
    return place + 1


def _binget(state: PickleState, place: int) -> int:
    state.stack.append(state.memo[state.data[place]])
    return place + 1


def _long_binput(state: PickleState, place: int) -> int:
    (key,) = _INDEX.unpack_from(state.data, place)
    if len(state.memo) >= MOST_MEMOS:
        raise ValueError("it remembers too many values")
    state.memo[key] = state.stack[-1]
    return place + 4


def _long_binget(state: PickleState, place: int) -> int:
    return _recall(state, _INDEX.unpack_from(state.data, place)[0], place + 4)


def _put(state: PickleState, place: int) -> int:
    digits, place = line_at(state, place)
    return _remember(state, whole_number(digits), place)


def _get(state: PickleState, place: int) -> int:
    digits, place = line_at(state, place)
    return _recall(state, whole_number(digits), place)


def _memoize(state: PickleState, place: int) -> int:
    return _remember(state, len(state.memo), place)


STACK_STEPS: dict[bytes, Step] = {
    pickle.MARK: _mark,
    pickle.POP: _pop,
    pickle.POP_MARK: _pop_mark,
    pickle.DUP: _dup,
    pickle.BINPUT: _binput,
    pickle.LONG_BINPUT: _long_binput,
    pickle.PUT: _put,
    pickle.MEMOIZE: _memoize,
    pickle.BINGET: _binget,
    pickle.LONG_BINGET: _long_binget,
    pickle.GET: _get,
}
"""Instruction code → what it does."""
