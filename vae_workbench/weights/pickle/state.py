"""What the instructions of pickle work on: the bytes, the stack, the memo, and the values that stand for foreign things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..source import Source

LARGEST_PICKLE = 8 << 20
"""Bytes, a bound on memory and time; a tensor takes 120."""

BLOCK = 4 << 10
"""Bytes read at once where the end of a pickle is unknown."""

LONGEST_NAME = 100
"""Characters of the name of a class or function; ``torch._utils._rebuild_parameter_with_state`` has 42."""

MOST_NAMES = 1000
"""Different classes and functions that a pickle may name, a bound on memory; a training checkpoint names a few dozen."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Stands for anything that is no plain value."""


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or function, never resolved: ``collections.OrderedDict``."""

    name: str


OPAQUE = Opaque()


class PickleState:
    """The state of the interpreter. Instructions change it; what a storage or a call means is left to subclasses.

    Attributes:
        source: the file.
        data: the bytes read so far.
        stack: the values above the last mark.
        outer: the stacks below it, one for each mark.
        memo: values that the pickle remembers under numbers.
        names: of all classes and functions that were named, in the order of their first naming.
    """

    def __init__(self, source: Source, data: bytes | None = None, offset: int = 0) -> None:
        self.source = source
        self.data = bytearray(data or b"")
        self.stack: list[object] = []
        self.outer: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.names: dict[str, None] = {}
        self._offset = offset
        self._length = source.size - offset if data is None else len(data)

    def fill(self, end: int) -> int:
        """Reads on until ``data`` reaches to ``end``, and tells how far it reaches; ``end`` if there is no more."""
        while len(self.data) < min(end, self._length):
            if len(self.data) >= LARGEST_PICKLE:
                raise too_large(self.source)
            self.data += self.source.read(self._offset + len(self.data), min(BLOCK, self._length - len(self.data)))
        return max(end, len(self.data))

    def taken(self, place: int, length: int) -> bytearray:
        """A counted argument of ``length`` bytes. Raises IndexError if it is cut off."""
        end = place + length
        if end > self._length:
            raise IndexError(end)
        if end > len(self.data):
            self.fill(end)
        return self.data[place:end]

    def named(self, module: str, name: str) -> object:
        """A class or function: noted, and never looked up.

        One with a longer name than any that has a meaning here is OPAQUE: joined names must not fill the memory.
        """
        long = len(module) + len(name) > LONGEST_NAME
        full = f"{module[:LONGEST_NAME]}.{name[:LONGEST_NAME]}" + "…" * long
        if full not in self.names:
            if len(self.names) >= MOST_NAMES:
                raise ValueError("it names more classes than any known model")
            self.names[full] = None
        return OPAQUE if long else Global(full)

    def persistent(self, name: object) -> object:
        """What stands for an object that is kept outside of the pickle."""
        raise ValueError(f"it refers to something outside: {type(name).__name__}")

    def call(self, function: object, arguments: object) -> object:  # noqa: ARG002 - for subclasses
        """What calling ``function`` (a :class:`Global` or anything else) would give."""
        return OPAQUE


Step = Callable[[PickleState, int], int]
"""An instruction: from the state and the offset of the instruction's argument to the offset of the next one."""


def too_large(source: Source) -> Exception:
    """The error for a pickle beyond the bounds."""
    return source.unsupported(
        "holds far more beside its tensors than any known model", "Save only its weights, as safetensors"
    )
