"""Long work behind the pages: each runs in a thread of its own, tells where it is, and is found again by its id.

Nothing waits for whoever started it. A page that is closed leaves its job running; one that is loaded again, or another
one, asks for it by its id or by its kind.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from ...errors import Cancelled
from ...printable import printable
from ...progress import Progress

KEPT = 8
"""Ended jobs of each kind whose results can still be had."""


class Job:
    """One piece of work.

    Attributes:
        id: 32 hexadecimal digits that nobody can guess.
        kind: the page that it belongs to.
        title: what it does, in a word or two.
        owner: the id of what it works on, where that is somebody's own and only their pages tell of it; empty: everybody's.
    """

    def __init__(
        self, kind: str, title: str, work: Callable[[Progress], Any], job_id: str | None = None, owner: str = ""
    ) -> None:
        self.id = job_id or secrets.token_hex(16)
        self.kind = kind
        self.title = title
        self.owner = owner
        self._work = work
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._progress = (0.0, "starting")
        self._result: Any = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begins; once. The thread does not keep the program from ending."""
        threading.Thread(target=self._run, name=f"vaewb-{self.kind}", daemon=True).start()

    def cancel(self) -> None:
        """Stops the work at its next step; quiet when it has already ended."""
        self._cancelled.set()

    @property
    def progress(self) -> tuple[float, str]:
        """Fraction done, 0..1, and what is being done."""
        return self._progress

    @property
    def ended(self) -> bool:
        """Whether it is over, in whatever way."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits for its end for so long at most; whether it has ended."""
        return self._ended.wait(seconds)

    def result(self) -> Any:
        """What the work returned, or its exception raised anew; waits for the end."""
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work(self._tell)
        except BaseException as error:  # noqa: BLE001  # carried to whoever asks for the result
            self._error = error
        finally:
            self._ended.set()

    def _tell(self, fraction: float, what: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self._progress = (fraction, printable(what))


class Jobs:
    """All jobs that run, and the last ones that have ended. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(
        self, kind: str, title: str, work: Callable[[Progress], Any], job_id: str | None = None, owner: str = ""
    ) -> Job:
        """Starts work in a thread of its own and returns at once. ``job_id``: that of what it makes."""
        job = Job(kind, title, work, job_id, owner)
        with self._lock:
            self._jobs[job.id] = job
            ended = [other.id for other in self._jobs.values() if other.kind == kind and other.ended]
            for old in ended[:-KEPT]:
                del self._jobs[old]
        job.start()
        return job

    def get(self, job_id: str) -> Job | None:
        """The job of this id, unless it ended long ago."""
        with self._lock:
            return self._jobs.get(job_id)

    def running(self, kind: str, owner: str = "") -> list[Job]:
        """Those that have not ended, the latest last: everybody's, and those of this owner."""
        with self._lock:
            return [
                job for job in self._jobs.values() if job.kind == kind and job.owner in ("", owner) and not job.ended
            ]

    def cancel_all(self, patience: float) -> None:
        """Stops everything, and waits so many seconds at most until it has stopped; for the end of the program."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        end = time.monotonic() + patience
        for job in jobs:
            job.wait(max(0.0, end - time.monotonic()))
