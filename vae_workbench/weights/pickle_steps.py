"""The instructions of pickle that collect and call, and the table of all instructions.

Nothing from the file is called, hashed or compared: only texts and whole numbers may be keys of a dict, a call is
left to :meth:`PickleMachine.call`, and whatever else would have been built is :data:`OPAQUE`.

Source: https://github.com/python/cpython/blob/3.12/Lib/pickletools.py
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from .pickle_stack import STACK_STEPS, to_mark
from .pickle_values import OPAQUE, VALUE_STEPS, Global, Step, line_at

if TYPE_CHECKING:
    from .pickle_machine import PickleMachine

LONGEST_NAME = 100
"""Characters of the name of a class or function; ``torch._utils._rebuild_parameter_with_state`` has 42."""


class Stop(Exception):
    """The end of a pickle: the value that it built, and the offset behind it."""

    def __init__(self, value: object, place: int) -> None:
        self.value = value
        self.place = place


def _unknown(machine: PickleMachine, place: int) -> int:
    raise ValueError(f"instruction {machine.data[place - 1]} is unknown")


def _stop(machine: PickleMachine, place: int) -> int:
    raise Stop(machine.stack.pop(), place)


def _skip(count: int) -> Step:
    return lambda _, place: place + count


# Tuples, lists, dicts.


def _tuple(machine: PickleMachine, place: int) -> int:
    values = tuple(to_mark(machine))
    machine.stack.append(values)
    return place


def _short_tuple(count: int) -> Step:
    def push(machine: PickleMachine, place: int) -> int:
        if len(machine.stack) < count:
            raise IndexError(count)
        machine.stack[-count:] = [tuple(machine.stack[-count:])]
        return place

    return push


def _empty_list(machine: PickleMachine, place: int) -> int:
    machine.stack.append([])
    return place


def _list(machine: PickleMachine, place: int) -> int:
    values = to_mark(machine)
    machine.stack.append(values)
    return place


def _extend(machine: PickleMachine, values: list[object], place: int) -> int:
    target = machine.stack[-1]
    if isinstance(target, list):
        target.extend(values)
    return place


def _append(machine: PickleMachine, place: int) -> int:
    return _extend(machine, [machine.stack.pop()], place)


def _appends(machine: PickleMachine, place: int) -> int:
    return _extend(machine, to_mark(machine), place)


def _empty_dict(machine: PickleMachine, place: int) -> int:
    machine.stack.append({})
    return place


def _dict(machine: PickleMachine, place: int) -> int:
    values = to_mark(machine)
    machine.stack.append({})
    return _set(machine, values, place)


def _set(machine: PickleMachine, values: list[object], place: int) -> int:
    target = machine.stack[-1]
    if isinstance(target, dict):
        target.update(
            (key, value) for key, value in zip(values[::2], values[1::2], strict=True) if type(key) in (str, int)
        )
    return place


def _setitem(machine: PickleMachine, place: int) -> int:
    value, key = machine.stack.pop(), machine.stack.pop()
    return _set(machine, [key, value], place)


def _setitems(machine: PickleMachine, place: int) -> int:
    return _set(machine, to_mark(machine), place)


# Names, calls, objects.


def _global(machine: PickleMachine, place: int) -> int:
    module, place = line_at(machine, place)
    name, place = line_at(machine, place)
    machine.stack.append(_named(module, name))
    return place


def _stack_global(machine: PickleMachine, place: int) -> int:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not (isinstance(module, str) and isinstance(name, str)):
        raise ValueError("it names a class by something other than text")
    machine.stack.append(_named(module, name))
    return place


def _named(module: str, name: str) -> object:
    """The name, unless it is longer than any that has a meaning here: joined names must not fill the memory."""
    return Global(f"{module}.{name}") if len(module) + len(name) <= LONGEST_NAME else OPAQUE


def _reduce(machine: PickleMachine, place: int) -> int:
    arguments = machine.stack.pop()
    machine.stack[-1] = machine.call(machine.stack[-1], arguments)
    return place


def _build(machine: PickleMachine, place: int) -> int:
    """Gives an object its attributes: none that is kept here has any."""
    machine.stack.pop()
    return place


def _opaque_from(count: int) -> Step:
    """An object made of the ``count`` topmost values."""

    def push(machine: PickleMachine, place: int) -> int:
        for _ in range(count):
            machine.stack.pop()
        machine.stack.append(OPAQUE)
        return place

    return push


def _discard(machine: PickleMachine, place: int) -> int:
    """Adds the values above the mark to a set, which is OPAQUE."""
    to_mark(machine)
    return place


def _opaque_from_mark(machine: PickleMachine, place: int) -> int:
    to_mark(machine)
    machine.stack.append(OPAQUE)
    return place


def _inst(machine: PickleMachine, place: int) -> int:
    _, place = line_at(machine, place)
    _, place = line_at(machine, place)
    return _opaque_from_mark(machine, place)


def _extension(count: int) -> Step:
    def push(machine: PickleMachine, place: int) -> int:
        machine.stack.append(OPAQUE)
        return place + count

    return push


def _binpersid(machine: PickleMachine, place: int) -> int:
    machine.stack[-1] = machine.persistent(machine.stack[-1])
    return place


_TABLE: dict[bytes, Step] = (
    VALUE_STEPS
    | STACK_STEPS
    | {
        pickle.PROTO: _skip(1),
        pickle.FRAME: _skip(8),
        pickle.STOP: _stop,
        pickle.TUPLE: _tuple,
        pickle.TUPLE1: _short_tuple(1),
        pickle.TUPLE2: _short_tuple(2),
        pickle.TUPLE3: _short_tuple(3),
        pickle.EMPTY_LIST: _empty_list,
        pickle.LIST: _list,
        pickle.APPEND: _append,
        pickle.APPENDS: _appends,
        pickle.EMPTY_DICT: _empty_dict,
        pickle.DICT: _dict,
        pickle.SETITEM: _setitem,
        pickle.SETITEMS: _setitems,
        pickle.ADDITEMS: _discard,
        pickle.FROZENSET: _opaque_from_mark,
        pickle.GLOBAL: _global,
        pickle.STACK_GLOBAL: _stack_global,
        pickle.REDUCE: _reduce,
        pickle.BUILD: _build,
        pickle.NEWOBJ: _opaque_from(2),
        pickle.NEWOBJ_EX: _opaque_from(3),
        pickle.OBJ: _opaque_from_mark,
        pickle.INST: _inst,
        pickle.EXT1: _extension(1),
        pickle.EXT2: _extension(2),
        pickle.EXT4: _extension(4),
        pickle.READONLY_BUFFER: _skip(0),
        pickle.BINPERSID: _binpersid,
    }
)

STEPS = [_TABLE.get(bytes([code]), _unknown) for code in range(256)]
"""What each of the 256 codes does."""
