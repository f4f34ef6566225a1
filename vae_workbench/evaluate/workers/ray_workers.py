"""Works on batches on several machines, through Ray (optional: ``pip install .[ray]``).

Pictures and VAEs have to be found at the same paths on each of them, as on a shared disk. Whatever a lost worker or machine had
is done by others: Ray starts its tasks again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import InvalidInput, sentence_of
from ..job import Batch, Job, Line
from ..measuring.batches import evaluate_batches
from .processes import PATIENCE, THREADS

LOCAL = "local"
"""In place of an address: Ray on this machine alone."""

BATCHES_PER_TASK = 4
"""Of which the next is read while one is computed."""

AHEAD = 2
"""Tasks for each core of the cluster that are handed over at a time."""


def evaluate_with_ray(job: Job, batches: Iterable[Batch], address: str) -> Generator[list[Line], None, None]:
    """What comes of the batches, as soon as it comes, and nothing now and then.

    Args:
        job: what is evaluated.
        batches: all of it.
        address: of a Ray cluster, such as ``192.168.0.1:6379`` or ``auto``; or :data:`LOCAL`.

    Raises:
        InvalidInput: Ray is not installed or not to be found, or pictures could not be evaluated.
    """
    try:
        import ray
    except ImportError as error:
        raise InvalidInput("Ray is not installed", "Install it with: pip install .[ray]") from error
    try:
        ray.init(
            address=None if address == LOCAL else address,
            runtime_env={"py_modules": [str(Path(__file__).parents[2])], "env_vars": THREADS},
            logging_level=logging.WARNING,
            log_to_driver=False,
            include_dashboard=False if address == LOCAL else None,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise InvalidInput(
            f"No Ray cluster was found at {address} ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
            "Start one with: ray start --head",
        ) from error
    try:
        yield from _evaluated(ray, job, iter(batches))
    finally:
        ray.shutdown()


def _evaluated(ray: Any, job: Job, waiting: Iterator[Batch]) -> Iterator[list[Line]]:
    gpus = 0.25 if job.device.startswith("cuda") else 0
    work = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=-1)(_work)
    shared = ray.put(job)
    running: list[Any] = []
    while True:
        room = max(1, int(AHEAD * ray.cluster_resources().get("CPU", 1))) - len(running)
        for _ in range(room):
            if not (some := list(islice(waiting, BATCHES_PER_TASK))):
                break
            running.append(work.remote(shared, some))
        if not running:
            return
        yield []
        done, running = ray.wait(running, num_returns=1, timeout=PATIENCE)
        for finished in done:
            try:
                yield from ray.get(finished)
            except ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()
                raise InvalidInput(
                    f"Ray could not do a part of the work ({reason[-1] if reason else type(error).__name__})",
                    "Start again: what was done is kept",
                ) from error


def _work(job: Job, batches: list[Batch]) -> list[list[Line]]:
    """A task."""
    missing = next((job.root for _ in batches if not os.path.isdir(job.root)), None)  # noqa: PTH112
    if missing:
        raise FileNotFoundError(sentence_of(InvalidInput(f"{missing} is not on every machine", "Use a shared folder")))
    return list(evaluate_batches(job, batches))
