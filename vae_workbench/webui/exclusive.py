"""One piece of work at a time: the web UI's queue, held for something that is no picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from modules import devices, sd_models
from modules.call_queue import queue_lock

from ..progress import Progress

POLL = 0.1
"""How often who waits looks whether it is their turn, or whether they were cancelled, in seconds."""

_HELD = threading.Event()
"""Whether it is work of our own that holds the queue."""


@contextmanager
def exclusive(progress: Progress) -> Iterator[None]:
    """Holds the web UI's queue, so that no picture is made meanwhile; waits for the one being made.

    The first checkpoint may still be loading outside of the queue; while it does, the web UI makes every new layer a
    placeholder without memory, so this waits for it too.
    """
    while not queue_lock.acquire(blocking=False):
        progress(0.0, "waiting for other work on VAEs" if _HELD.is_set() else "waiting for the picture being made")
        time.sleep(POLL)
    _HELD.set()
    try:
        progress(0.0, "waiting for the checkpoint")
        sd_models.model_data.get_sd_model()
        yield
    finally:
        devices.torch_gc()
        _HELD.clear()
        queue_lock.release()
