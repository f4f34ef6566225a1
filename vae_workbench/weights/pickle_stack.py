"""The instructions of pickle that move values on the stack, set marks, and remember values under numbers."""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING

from .pickle_values import Step, line_at, whole_number

if TYPE_CHECKING:
    from .pickle_machine import PickleMachine

MOST_MEMOS = 150_000
"""Values that a pickle may remember, a bound on memory; a tensor takes 10."""

_INDEX = struct.Struct("<I")


def _mark(machine: PickleMachine, place: int) -> int:
    machine.outer.append(machine.stack)
    machine.stack = []
    return place


def to_mark(machine: PickleMachine) -> list[object]:
    """The values above the last mark, which is removed with them."""
    values, machine.stack = machine.stack, machine.outer.pop()
    return values


def _pop_mark(machine: PickleMachine, place: int) -> int:
    to_mark(machine)
    return place


def _pop(machine: PickleMachine, place: int) -> int:
    if not machine.stack:
        return _pop_mark(machine, place)
    machine.stack.pop()
    return place


def _dup(machine: PickleMachine, place: int) -> int:
    machine.stack.append(machine.stack[-1])
    return place


def _remember(machine: PickleMachine, key: int, place: int) -> int:
    if len(machine.memo) >= MOST_MEMOS:
        raise ValueError("it remembers more values than any known model")
    machine.memo[key] = machine.stack[-1]
    return place


def _recall(machine: PickleMachine, key: int, place: int) -> int:
    machine.stack.append(machine.memo[key])
    return place


def _binput(machine: PickleMachine, place: int) -> int:
    machine.memo[machine.data[place]] = machine.stack[-1]
    return place + 1


def _binget(machine: PickleMachine, place: int) -> int:
    machine.stack.append(machine.memo[machine.data[place]])
    return place + 1


def _long_binput(machine: PickleMachine, place: int) -> int:
    (key,) = _INDEX.unpack_from(machine.data, place)
    if len(machine.memo) >= MOST_MEMOS:
        raise ValueError("it remembers too many values")
    machine.memo[key] = machine.stack[-1]
    return place + 4


def _long_binget(machine: PickleMachine, place: int) -> int:
    return _recall(machine, _INDEX.unpack_from(machine.data, place)[0], place + 4)


def _put(machine: PickleMachine, place: int) -> int:
    digits, place = line_at(machine, place)
    return _remember(machine, whole_number(digits), place)


def _get(machine: PickleMachine, place: int) -> int:
    digits, place = line_at(machine, place)
    return _recall(machine, whole_number(digits), place)


def _memoize(machine: PickleMachine, place: int) -> int:
    return _remember(machine, len(machine.memo), place)


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
