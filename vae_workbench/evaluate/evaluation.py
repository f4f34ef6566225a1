"""An evaluation in a folder: begun, gone on with, and told of."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..compare.decoding.candidate import Candidate
from ..compare.decoding.latent_spaces import identified
from ..errors import DamagedFile, InvalidInput, UnwritableTarget, WorkbenchError
from ..folder_lock import locked
from ..progress import Progress, silent
from ..targets import check_folder_target, write_whole
from .job import Column, Job, batch_size
from .measuring.batches import Networks, one_thread
from .measuring.lpips import Lpips
from .pictures.work_list import WorkList, pictures_of, sampled, write_work_list
from .results import Results

VERSION = 1

EVALUATION, PICTURES, RESULTS = "evaluation.json", "pictures.jsonl", "results.jsonl"


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
        with locked(folder):
            if (folder / EVALUATION).exists():  # another program was faster
                _check_same(folder, told)
            else:
                _write(folder, named, names if sample is None else sampled(names, sample, job.seed), told)
    return Evaluation(folder, job, WorkList(folder / PICTURES, job.batch), unusable, without_lpips)


def _write(folder: Path, named: Path, names: Iterable[str], told: dict[str, Any]) -> None:
    write_work_list(names, folder / PICTURES)
    if not (folder / PICTURES).stat().st_size:
        (folder / PICTURES).unlink()
        raise InvalidInput(f"{named} holds no pictures", "Name a folder of pictures, or a text file of their paths")
    write_whole(folder / EVALUATION, json.dumps(told, indent=1).encode())  # at last: it tells of what is whole


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
