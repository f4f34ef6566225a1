"""The instructions of pickle that collect and call, and the table of all instructions.

Nothing from the file is called, hashed or compared: only texts and whole numbers may be keys of a dict, a call is
left to :meth:`PickleState.call`, and whatever else would have been built is :data:`.state.OPAQUE`.

Source: https://github.com/python/cpython/blob/3.12/Lib/pickletools.py
"""

from __future__ import annotations

import pickle

from .stack import STACK_STEPS, to_mark
from .state import OPAQUE, PickleState, Step
from .values import VALUE_STEPS, line_at


class Stop(Exception):
    """The end of a pickle: the value that it built, and the offset behind it."""

    def __init__(self, value: object, place: int) -> None:
        self.value = value
        self.place = place


def _unknown(state: PickleState, place: int) -> int:
    raise ValueError(f"instruction {state.data[place - 1]} is unknown")


def _stop(state: PickleState, place: int) -> int:
    raise Stop(state.stack.pop(), place)


def _skip(count: int) -> Step:
    return lambda _, place: place + count


# Tuples, lists, dicts.


def _tuple(state: PickleState, place: int) -> int:
    values = tuple(to_mark(state))
    state.stack.append(values)
    return place


def _short_tuple(count: int) -> Step:
    def push(state: PickleState, place: int) -> int:
        if len(state.stack) < count:
            raise IndexError(count)
        state.stack[-count:] = [tuple(state.stack[-count:])]
        return place

    return push


def _empty_list(state: PickleState, place: int) -> int:
    state.stack.append([])
    return place


def _list(state: PickleState, place: int) -> int:
    values = to_mark(state)
    state.stack.append(values)
    return place


def _extend(state: PickleState, values: list[object], place: int) -> int:
    target = state.stack[-1]
    if isinstance(target, list):
        target.extend(values)
    return place


def _append(state: PickleState, place: int) -> int:
    return _extend(state, [state.stack.pop()], place)


def _appends(state: PickleState, place: int) -> int:
    return _extend(state, to_mark(state), place)


def _empty_dict(state: PickleState, place: int) -> int:
    state.stack.append({})
    return place


def _dict(state: PickleState, place: int) -> int:
    values = to_mark(state)
    state.stack.append({})
    return _set(state, values, place)


def _set(state: PickleState, values: list[object], place: int) -> int:
    target = state.stack[-1]
    if isinstance(target, dict):
        target.update(
            (key, value) for key, value in zip(values[::2], values[1::2], strict=True) if type(key) in (str, int)
        )
    return place


def _setitem(state: PickleState, place: int) -> int:
    value, key = state.stack.pop(), state.stack.pop()
    return _set(state, [key, value], place)


def _setitems(state: PickleState, place: int) -> int:
    return _set(state, to_mark(state), place)


# Names, calls, objects.


def _global(state: PickleState, place: int) -> int:
    module, place = line_at(state, place)
    name, place = line_at(state, place)
    state.stack.append(state.named(module, name))
    return place


def _stack_global(state: PickleState, place: int) -> int:
    name, module = state.stack.pop(), state.stack.pop()
    if not (isinstance(module, str) and isinstance(name, str)):
        raise ValueError("it names a class by something other than text")
    state.stack.append(state.named(module, name))
    return place


def _reduce(state: PickleState, place: int) -> int:
    arguments = state.stack.pop()
    state.stack[-1] = state.call(state.stack[-1], arguments)
    return place


def _build(state: PickleState, place: int) -> int:
    """Gives an object its attributes: none that is kept here has any."""
    state.stack.pop()
    return place


def _opaque_from(count: int) -> Step:
    """An object made of the ``count`` topmost values."""

    def push(state: PickleState, place: int) -> int:
        for _ in range(count):
            state.stack.pop()
        state.stack.append(OPAQUE)
        return place

    return push


def _discard(state: PickleState, place: int) -> int:
    """Adds the values above the mark to a set, which is OPAQUE."""
    to_mark(state)
    return place


def _opaque_from_mark(state: PickleState, place: int) -> int:
    to_mark(state)
    state.stack.append(OPAQUE)
    return place


def _inst(state: PickleState, place: int) -> int:
    module, place = line_at(state, place)
    name, place = line_at(state, place)
    state.named(module, name)
    return _opaque_from_mark(state, place)


def _extension(count: int) -> Step:
    def push(state: PickleState, place: int) -> int:
        state.stack.append(OPAQUE)
        return place + count

    return push


def _binpersid(state: PickleState, place: int) -> int:
    state.stack[-1] = state.persistent(state.stack[-1])
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
