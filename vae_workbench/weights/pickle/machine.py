"""Reads a pickle without executing it: an interpreter of pickle's instructions that can only build plain values.

``pickle.Unpickler`` with a restricted ``find_class`` would run no foreign code either, but a hostile file can still
make it allocate gigabytes (one LONG_BINPUT), change attributes of the classes that it is handed (BUILD) or overflow the
C stack (hash of nested tuples). Here every instruction is ours, and every loop and allocation has a bound.
"""

from __future__ import annotations

import struct

from ..source import Source
from .state import PickleState, too_large
from .steps import STEPS, Stop

MOST_STEPS = 600_000
"""A bound on memory and time, in instructions. A tensor takes 45, a checkpoint of Stable Diffusion with the state of its
optimizer 150,000; no instruction allocates more than 150 bytes of its own."""

LOOKAHEAD = 2 << 10
"""Bytes kept ready, so that no short argument is cut."""


class PickleMachine(PickleState):
    """Runs the pickles that lie one after the other in ``data`` or, without it, in ``source`` from ``offset`` on.

    Subclasses give meaning to storages (:meth:`persistent`) and to chosen names (:meth:`call`).

    Attributes:
        ended: whether the pickle that ran last was followed to its end.
    """

    def __init__(self, source: Source, data: bytes | None = None, offset: int = 0) -> None:
        super().__init__(source, data, offset)
        self.ended = False
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
        self.stack, self.outer, self.memo, self.ended = [], [], {}, False
        place, data, steps, ready = self._place, self.data, STEPS, -1
        try:
            for _ in range(MOST_STEPS):
                if place > ready:
                    ready = self.fill(place + LOOKAHEAD) - LOOKAHEAD
                place = steps[data[place]](self, place + 1)
        except Stop as stop:
            self._place, self.ended = stop.place, True
            return stop.value
        except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
            reason = str(error) if type(error) is ValueError else "it is cut off or was altered"
            raise self.source.damaged(f"its pickle cannot be followed at byte {place} ({reason})") from error
        raise too_large(self.source)
