"""Computes what is missing of an evaluation, alone or with workers, and keeps it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing

import numpy as np
import torch

from ..errors import InvalidInput
from ..folder_lock import locked
from ..progress import Progress, silent
from .evaluation import Evaluation
from .job import Batch, Job, Line
from .measuring.batches import evaluate_batches
from .pictures.stamp import GONE, stamp
from .results import Results
from .workers.processes import evaluate_in_processes
from .workers.ray_workers import evaluate_with_ray

FEW_BATCHES = 8
"""For each process, unless a person says how many: with fewer, starting it would take longer than what it does."""

TURN, PAUSE = 2.0, 0.05
"""Seconds for which the device is held where others wait for it, and in which they can have it."""


def compute(
    evaluation: Evaluation,
    *,
    workers: int | None = None,
    ray: str | None = None,
    apart: bool = False,
    turn: Callable[[], AbstractContextManager[None]] | None = None,
    progress: Progress = silent,
) -> int:
    """Computes what is missing, and keeps each batch as soon as it is ready.

    Args:
        evaluation: that was begun.
        workers: processes; ``None``: as many as this machine has cores, if the networks run on them and there is enough to do.
        ray: address of a Ray cluster that does it instead, see :func:`.ray_workers.evaluate_with_ray`.
        apart: whether a single worker gets a process of its own, too.
        turn: holds the device for a piece of the work, and lets others have it in between; ``None``: nobody else wants it.
        progress: told how far it is.

    Returns:
        How many pictures were worked on.

    Raises:
        WorkbenchError: it could not go on; what was done is kept.
        Cancelled: passed on from ``progress``; what was done is kept.
    """
    with locked(evaluation.folder):
        results, job = evaluation.results(), evaluation.job
        progress(0.0, "looking for pictures that were changed")
        results.forget(changed_pictures(evaluation, results))
        missing = int((~results.done.all(axis=1)).sum())
        if not missing:
            return 0
        rate = _Rate(results, progress)
        rate.tell()
        batches = missing_batches(evaluation, results)
        with closing(_computed(job, batches, missing, workers, ray, apart)) as computed:
            for lines in _in_turns(computed, turn):
                if lines:
                    _check_folder(job, lines)
                    results.add(lines)
                rate.tell()
    return missing


def _in_turns(
    computed: Iterator[list[Line]], turn: Callable[[], AbstractContextManager[None]] | None
) -> Iterator[list[Line]]:
    """The same, of which each piece is computed while the device is held."""
    if turn is None:
        yield from computed
        return
    while True:
        with turn():
            end = time.monotonic() + TURN
            for lines in computed:
                yield lines
                if time.monotonic() > end:
                    break
            else:
                return
        time.sleep(PAUSE)


def missing_batches(evaluation: Evaluation, results: Results) -> Iterator[Batch]:
    """What is to be computed, in the order of the pictures. Batches are always the same, so that their numbers are."""
    pictures, columns = evaluation.pictures, evaluation.columns
    for number in range(pictures.batches):
        first = number * pictures.batch
        done = results.done[first : first + pictures.batch].all(axis=0)
        if not done.all():
            missing = tuple(column for column, is_done in zip(columns, done, strict=True) if not is_done)
            names = tuple(pictures.names(number))
            yield Batch(first, names, missing, tuple(stamp(evaluation.job.path(name)) for name in names))


def changed_pictures(evaluation: Evaluation, results: Results) -> Iterator[int]:
    """Those whose file is another than when it was measured; of one that has gone, what was measured stays."""
    pictures = evaluation.pictures
    for number in range(pictures.batches):
        first = number * pictures.batch
        known = results.stamps[first : first + pictures.batch]
        if not known.any():
            continue
        for place, name in enumerate(pictures.names(number)):
            if known[place] and stamp(evaluation.job.path(name)) not in (known[place], GONE):
                yield first + place


def _check_folder(job: Job, lines: list[Line]) -> None:
    """Raises:
    InvalidInput: pictures cannot be read, for their folder has gone, as a disk that was taken away.
    """
    if any("vae" not in line for line in lines) and not os.path.isdir(job.root):  # noqa: PTH112
        raise InvalidInput(
            f"The folder {job.root} is no longer there", "Bring it back and go on: what was done is kept"
        )


def _computed(
    job: Job, batches: Iterator[Batch], missing: int, workers: int | None, ray: str | None, apart: bool
) -> Generator[list[Line], None, None]:
    if ray is not None:
        return evaluate_with_ray(job, batches, ray)
    if workers is None:
        is_cpu = torch.device(job.device).type == "cpu"
        workers = min(_cores() if is_cpu else 1, missing // (FEW_BATCHES * job.batch))
    if workers < 2 and not apart:
        return evaluate_batches(job, batches)
    return evaluate_in_processes(job, batches, max(1, workers))


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Rate:
    """How far it is, and how long it will take."""

    def __init__(self, results: Results, progress: Progress) -> None:
        self._results, self._progress = results, progress
        self._begin = time.monotonic()
        self._before = int(np.count_nonzero(results.done))

    def tell(self) -> None:
        done = self._results.done
        count = int(np.count_nonzero(done))
        new, left = count - self._before, done.size - count
        told = f"{count // done.shape[1]:,} of {len(done):,} pictures"
        if new:
            told += f", {_duration(left * (time.monotonic() - self._begin) / new)} left"
        self._progress(count / done.size, told)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
