"""Long work behind a page: runs in a thread of its own, tells where it is, and can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ..errors import Cancelled
from ..progress import Progress

T = TypeVar("T")

# How often a page is told about progress, in seconds: quick enough to look live, slow enough to cost nothing.
INTERVAL = 0.2


class Job(Generic[T]):
    """One piece of work. Watch it with :meth:`updates`, then take its :meth:`result`."""

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self._work = work
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._latest = (0.0, "starting")
        self._outcome: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="vaewb-job", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stops the work at its next step; quiet when it has already ended."""
        self._cancelled.set()

    def updates(self) -> Iterator[tuple[float, str]]:
        """Fraction done and what is being done, a few times a second until the work has ended.

        A watcher that goes away, such as a closed browser tab, cancels the work.
        """
        try:
            while not self._finished.wait(INTERVAL):
                yield self._latest
        finally:
            self.cancel()

    def result(self) -> T:
        """What the work returned, or its exception raised anew; waits for the end."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._outcome  # type: ignore[return-value]  # set, since there is no error

    def _run(self) -> None:
        try:
            self._outcome = self._work(self._progress)
        except BaseException as error:  # noqa: BLE001  # carried to the watcher, who raises it
            self._error = error
        finally:
            self._finished.set()

    def _progress(self, fraction: float, what: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self._latest = (fraction, what)
