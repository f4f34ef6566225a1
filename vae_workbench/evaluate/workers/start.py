"""What each process does. Nothing is imported before whoever started it can be told why that fails."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..job import Batch


def work(pipe: Connection[Any, Any]) -> None:
    """Gets a job and then batches until it is told that there is no more or whoever started it is gone; sends what comes of
    each, or why it cannot work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it

    def given() -> Iterator[Batch]:
        while (batch := pipe.recv()) is not None:
            yield batch

    try:
        from ..measuring.batches import evaluate_batches

        for lines in evaluate_batches(pipe.recv(), given()):
            pipe.send(lines)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # noqa: BLE001  # told by whoever started it
        with contextlib.suppress(OSError):
            pipe.send(_sentence(error))


def _sentence(error: Exception) -> str:
    try:
        from ...errors import sentence_of

        return sentence_of(error)
    except ImportError:
        return f"{type(error).__name__}: {error}"
