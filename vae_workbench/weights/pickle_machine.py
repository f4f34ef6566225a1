"""Reads a pickle without executing it: an interpreter of pickle's instructions that can only build plain values.

``pickle.Unpickler`` with a restricted ``find_class`` would run no foreign code either, but a hostile file can still
make it allocate gigabytes (one LONG_BINPUT), change attributes of the classes that it is handed (BUILD) or overflow the
C stack (hash of nested tuples). Here every instruction is ours, and every loop and allocation has a bound.
"""

from __future__ import annotations

import struct

from .pickle_steps import STEPS, Stop
from .pickle_values import OPAQUE
from .source import Source

LARGEST_PICKLE = 8 << 20
MOST_STEPS = 600_000
"""Bounds on memory and time, in bytes and instructions. A tensor takes 120 bytes and 45 instructions, a checkpoint of
Stable Diffusion with the state of its optimizer 150,000; no instruction allocates more than 150 bytes of its own."""

BLOCK = 4 << 10
LOOKAHEAD = 2 << 10
"""Bytes read at once where the end of a pickle is unknown, and bytes kept ready so that no short argument is cut."""


class PickleMachine:
    """Runs the pickles that lie one after the other in ``data`` or, without it, in ``source`` from ``offset`` on.

    Subclasses give meaning to storages (:meth:`persistent`) and to chosen names (:meth:`call`).
    """

    def __init__(self, source: Source, data: bytes | None = None, offset: int = 0) -> None:
        self.source = source
        self.data = bytearray(data or b"")
        self.stack: list[object] = []
        self.outer: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self._offset = offset
        self._length = source.size - offset if data is None else len(data)
        self._place = 0

    @property
    def position(self) -> int:
        """Where in the file the pickle that ran last ended; for pickles read from the file itself."""
        return self._offset + self._place

    def run(self) -> object:
        """The value that the next pickle builds.

        Raises:
            DamagedFile: the instructions make no sense, or are cut off.
            UnsupportedFile: there are more of them than in any model.
        """
        self.stack, self.outer, self.memo = [], [], {}
        place, data, steps, ready = self._place, self.data, STEPS, -1
        try:
            for _ in range(MOST_STEPS):
                if place > ready:
                    ready = self.fill(place + LOOKAHEAD) - LOOKAHEAD
                place = steps[data[place]](self, place + 1)
        except Stop as stop:
            self._place = stop.place
            return stop.value
        except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
            reason = str(error) if type(error) is ValueError else "it is cut off or was altered"
            raise self.source.damaged(f"its pickle cannot be followed at byte {place} ({reason})") from error
        raise too_large(self.source)

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

    def persistent(self, name: object) -> object:
        """What stands for an object that is kept outside of the pickle."""
        raise ValueError(f"it refers to something outside: {type(name).__name__}")

    def call(self, function: object, arguments: object) -> object:  # noqa: ARG002 - for subclasses
        """What calling ``function`` (a :class:`Global` or anything else) would give."""
        return OPAQUE


def too_large(source: Source) -> Exception:
    """The error for a pickle beyond the bounds."""
    return source.unsupported(
        "holds far more beside its tensors than any known model", "Save only its weights, as safetensors"
    )
