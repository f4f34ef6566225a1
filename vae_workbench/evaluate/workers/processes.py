"""Works on batches in several processes of this machine. One that is lost is replaced, and what it had is done by others."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import types
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from ...errors import InvalidInput, WorkbenchError
from ..job import Batch, Job, Line
from .start import work

logger = logging.getLogger("vae_workbench")

AHEAD = 2
"""Batches that a process has: one that it computes, and one that it reads meanwhile."""

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Of each process, so that they do not get in each other's way."""

PATIENCE = 0.5
"""Seconds after which whoever waits gets nothing, in order to look whether the work was cancelled."""

MOST_LOSSES = 3
"""Times that one batch may take its process with it."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection[object, object]
    batches: deque[tuple[Batch, int]] = field(default_factory=deque)
    is_told_the_end: bool = False


def evaluate_in_processes(job: Job, batches: Iterable[Batch], workers: int) -> Generator[list[Line], None, None]:
    """What comes of the batches, as soon as it comes, and nothing now and then.

    Raises:
        WorkbenchError: a process could not work, or one batch lost its process several times.
    """
    waiting = iter(batches)
    lost: deque[tuple[Batch, int]] = deque()
    running: list[_Worker] = []

    def give(worker: _Worker) -> None:
        """The process its next batches, or the news that there are none."""
        while len(worker.batches) < AHEAD and not worker.is_told_the_end:
            item = lost.popleft() if lost else next(((batch, 0) for batch in waiting), None)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end will be noticed
                worker.pipe.send(item and item[0])
            if item:
                worker.batches.append(item)
            worker.is_told_the_end = item is None

    try:
        for _ in range(workers):
            running.append(_started(job))
        for worker in running:
            give(worker)
        while running:
            yield []
            for pipe in wait([worker.pipe for worker in running], PATIENCE):
                worker = next(one for one in running if one.pipe is pipe)
                try:
                    told = worker.pipe.recv()
                except (EOFError, OSError):
                    running.remove(worker)
                    worker.process.join()
                    if worker.batches:
                        lost += _to_do_again(worker)
                        running.append(_started(job))
                        give(running[-1])
                    continue
                if isinstance(told, str):
                    raise InvalidInput(told)
                worker.batches.popleft()
                give(worker)
                yield told  # type: ignore[misc]
    finally:
        for worker in running:
            worker.pipe.close()
            worker.process.terminate()
            worker.process.join()


def _to_do_again(worker: _Worker) -> list[tuple[Batch, int]]:
    """What a lost process had. That which it was at counts as the reason."""
    (first, losses), *others = worker.batches
    how = _how_it_ended(worker.process.exitcode)
    logger.warning("A worker was lost: %s. Another one does its pictures.", how)
    if losses + 1 >= MOST_LOSSES:
        raise WorkbenchError(
            f"{MOST_LOSSES} workers were lost at the pictures from {first.names[0]} on: the last one {how}",
            "Free some memory, or take fewer workers or a smaller size, and go on: what was done is kept",
        )
    return [(first, losses + 1), *others]


def _how_it_ended(code: int | None) -> str:
    """In words."""
    if code is not None and -code == getattr(signal, "SIGKILL", 0):
        return "was ended by the system, as it does when memory runs out"
    if code is not None and code < 0:
        return f"was ended by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with code {code}; the log of the program says more"


def _started(job: Job) -> _Worker:
    """A process that works.

    Raises:
        WorkbenchError: the system lets none begin.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there,), daemon=True)
    try:
        with _environment(THREADS), _no_main_module(), _importable():
            process.start()
    except OSError as error:
        raise WorkbenchError(
            f"The system lets no process begin ({error.strerror or error})", "End other programs, or take one worker"
        ) from error
    there.close()  # otherwise its end would not be noticed
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end will be noticed
        here.send(job)
    return _Worker(process, here)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """What a process that is started now inherits."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """A process that is started now does not import the main module, which may be a whole web UI."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """A process that is started now finds this package: a web UI takes it off the path again once it has imported it."""
    before = sys.path
    sys.path = [*before, str(Path(__file__).resolve().parents[3])]
    try:
        yield
    finally:
        sys.path = before
