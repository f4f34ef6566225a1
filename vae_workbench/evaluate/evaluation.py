"""An evaluation in a folder: begun, gone on with, and told of."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..compare.decoding.candidate import Candidate
from ..compare.decoding.latent_spaces import identified
from ..errors import DamagedFile, InvalidInput, UnwritableTarget, WorkbenchError
from ..folder_lock import locked
from ..progress import Progress, silent
from ..targets import check_folder_target, write_whole
from .job import Batch, Column, Job, Line, batch_size
from .measuring.batches import Networks, evaluate_batches, one_thread
from .measuring.lpips import Lpips
from .pictures.work_list import WorkList, pictures_of, sampled, write_work_list
from .results import Results
from .workers.processes import evaluate_in_processes
from .workers.ray_workers import evaluate_with_ray

VERSION = 1

EVALUATION, PICTURES, RESULTS = "evaluation.json", "pictures.jsonl", "results.jsonl"

FEW_BATCHES = 8
"""For each process, unless a person says how many: with fewer, starting it would take longer than what it does."""


TURN, PAUSE = 2.0, 0.05
"""Seconds for which the device is held where others wait for it, and in which they can have it."""


@dataclass(frozen=True)
class Evaluation:
    """An evaluation that has a folder.

    Attributes:
        folder: with all its files.
        job: what is evaluated and how.
        pictures: of which.
        unusable: VAEs that cannot be run at all, by number, and why.
        without_lpips: why LPIPS is not measured although it was asked for, empty otherwise.
    """

    folder: Path
    job: Job
    pictures: WorkList
    unusable: dict[int, str]
    without_lpips: str = ""

    @property
    def columns(self) -> list[Column]:
        """What is computed of each picture."""
        return [column for column in self.job.columns if column.vae not in self.unusable]

    def results(self) -> Results:
        """What is known until now."""
        return Results(self.folder / RESULTS, self.pictures.count, self.columns)


def begin(named: Path, job: Job, folder: Path, sample: int | None = None, progress: Progress = silent) -> Evaluation:
    """Makes an evaluation, or opens the one that is there if it is the same.

    Args:
        named: a folder of pictures, or a list of them.
        job: what is evaluated and how; its root and batch are decided here.
        folder: where all is kept.
        sample: how many pictures are drawn at random; ``None``: all.
        progress: told what is being done.

    Raises:
        InvalidInput: there are no pictures or VAEs, no VAE can be used, or the folder has another evaluation.
        UnwritableTarget: the system refuses.
    """
    if not job.vaes:
        raise InvalidInput("No VAE was chosen", "Choose one or more")
    if job.size < 8 or (sample is not None and sample < 1):
        raise InvalidInput("The size has at least 8 pixels, and a sample at least one picture", "Choose larger numbers")
    check_folder_target(folder)
    root, names = pictures_of(named)
    job = replace(job, root=os.fspath(root), batch=batch_size(job.size, job.device))
    told = {"version": VERSION, "pictures": os.fspath(named.absolute()), "sample": sample, **job.to_json()}
    is_new = not (folder / EVALUATION).exists()
    progress(0.0, "looking at the VAEs")
    without_lpips = _without_lpips(job, folder)
    if without_lpips:
        job = replace(job, lpips=False)
        told["lpips"] = False
    if not is_new:
        _check_same(folder, told)
    job = with_verdicts(job)
    unusable = unusable_vaes(job)
    if len(unusable) == len(job.vaes):
        raise InvalidInput(unusable[0])
    if is_new:
        progress(0.0, "listing the pictures")
        _make(folder)
        write_work_list(names if sample is None else sampled(names, sample, job.seed), folder / PICTURES)
    pictures = WorkList(folder / PICTURES, job.batch)
    if not pictures.count:
        (folder / PICTURES).unlink()
        raise InvalidInput(f"{named} holds no pictures", "Name a folder of pictures, or a text file of their paths")
    if is_new:  # at last, so that it tells of what is whole
        write_whole(folder / EVALUATION, json.dumps(told, indent=1).encode())
    return Evaluation(folder, job, pictures, unusable, without_lpips)


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
        missing = int((~results.done.all(axis=1)).sum())
        if not missing:
            return 0
        rate = _Rate(results, progress)
        rate.tell()
        batches = missing_batches(evaluation, results)
        with closing(_computed(job, batches, missing, workers, ray, apart)) as computed:
            for lines in _in_turns(computed, turn):
                if lines:
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
            yield Batch(first, tuple(pictures.names(number)), missing)


def with_verdicts(job: Job) -> Job:
    """The job with what each of its files is, so that every worker knows the same."""
    encoder = (job.encoder,) if job.encoder else ()
    verdicts = identified([*job.vaes, *encoder])

    def known(candidate: Candidate) -> Candidate:
        return replace(candidate, verdict=verdicts.get(os.fspath(candidate.path)))

    return replace(job, vaes=tuple(known(vae) for vae in job.vaes), encoder=known(job.encoder) if job.encoder else None)


def unusable_vaes(job: Job) -> dict[int, str]:
    """VAEs that cannot be run at all, by number, and why: each gets a small grey picture.

    Raises:
        WorkbenchError: the encoder for all cannot be used.
    """
    precision = job.precisions[0]
    told: dict[int, str] = {}
    with one_thread(), Networks(replace(job, lpips=False)) as networks:
        grey = torch.full((1, 3, 64, 64), 0.5)
        if job.encoder:
            networks.shared_latents(precision, grey, {})
        for number, vae in enumerate(job.vaes):
            try:
                networks.results(Column(number, precision), grey, {})
            except WorkbenchError as error:
                told[number] = str(error) if vae.name in str(error) else f"{vae.name}: {error}"
    return told


def _without_lpips(job: Job, folder: Path) -> str:
    """Why LPIPS is not measured although it was asked for: it cannot be had, or the evaluation was begun without it."""
    if not job.lpips:
        return ""
    with suppress(OSError, ValueError, TypeError, KeyError):
        if not json.loads((folder / EVALUATION).read_bytes())["lpips"]:
            return "The evaluation was begun without it."
    try:
        Lpips(torch.device(job.device))
    except InvalidInput as error:
        return str(error)
    return ""


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


def _check_same(folder: Path, told: dict[str, Any]) -> None:
    """Raises:
    InvalidInput: the folder's evaluation is another than this.
    DamagedFile: it cannot be read.
    """
    path = folder / EVALUATION
    try:
        before = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedFile(path, f"{path} cannot be read ({error})", "Evaluate into another folder") from error
    now = json.loads(json.dumps(told))
    different = [name for name in now if not isinstance(before, dict) or before.get(name) != now[name]]
    if different:
        raise InvalidInput(
            f"{folder} holds another evaluation: {_words(different)} other than now", "Evaluate into another folder"
        )


def _words(names: Sequence[str]) -> str:
    told = ", ".join(name.replace("_", " ") for name in names)
    return f"its {told} {'is' if len(names) == 1 and not names[0].endswith('s') else 'are'}"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableTarget(
            folder, f"{folder} cannot be made: {error.strerror or error}", "Choose another folder"
        ) from error
