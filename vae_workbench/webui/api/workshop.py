"""Routes that make new VAEs: an order is answered at once with an id, under which its state is had.

Files are named as in the lists, and the new one by a plain name in one of the web UI's folders.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fastapi import Response
from pydantic import BaseModel, Field

from ...errors import Cancelled, sentence_of
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...printable import printable
from ...progress import Progress
from ...ui.shared.jobs import Job
from ...ui.workbench import Workbench
from ...ui.workshop.order import Order, recipe_of, target_of
from ...ui.workshop.save import save_order
from ..host import workbench
from .checkpoints import refused_in_a_sentence, scanned
from .refusals import refusal

if TYPE_CHECKING:
    from ...edit.save import Saved

KIND = "workshop-api"
"""Of the jobs; no page shows them."""

PATIENCE = 5
"""Seconds that a deletion waits for the work to stop."""


class WorkshopOrder(BaseModel):
    """What is to be made.

    Attributes:
        source: name of ``/vaes`` or ``/checkpoints``.
        steps: in order, each an object with one thing to do: ``{"extract": {}}``, ``{"tone": {"preset": "paler"}}``; none: the
            file is written as .safetensors.
        name: of the new file.
        folder: the web UI's folder for VAEs or that for checkpoints.
        dry_run: tells everything, and writes nothing.
        overwrite: replaces a file of that name.
    """

    source: str
    steps: list[dict[str, Any]] = Field([], max_items=16)
    name: str
    folder: Literal["vae", "checkpoint"] = "vae"
    dry_run: bool = False
    overwrite: bool = False

    class Config:
        """Misspelt names are told."""

        extra = "forbid"


class AcceptedWorkshop(BaseModel):
    """What an order is answered with.

    Attributes:
        id: under which it is asked for; nobody can guess it.
        status: ``running``.
    """

    id: str
    status: Literal["running", "done", "failed", "cancelled"]


class WorkshopState(AcceptedWorkshop):
    """How far it is, and what came of it.

    Attributes:
        progress: 0..1.
        step: what is being done.
        error: why nothing was made.
        file: name of the new file, once it is known to be made, or in a trial what it would be called.
        written: whether it is there; false after a trial, and where there was nothing to do.
        bytes, tensors: of it.
        done: what each step did.
        notes: sentences: what was lost, left out or found.
    """

    progress: float
    step: str
    error: str | None = None
    file: str | None = None
    written: bool = False
    bytes: int = 0
    tensors: int = 0
    done: list[Any] = []
    notes: list[str] = []


def start_workshop(order: WorkshopOrder) -> AcceptedWorkshop:
    """Makes a new file from others. Ask for the state under the id that is answered."""
    bench, found = workbench(), scanned()
    asked = Order(order.source, order.steps, order.name, order.folder, order.overwrite, order.dry_run)
    with refused_in_a_sentence():
        recipe_of(asked, found)
        target = target_of(asked, found, bench.target_folders())
    if os.path.lexists(target) and not order.overwrite:
        raise refusal(409, f'{target.name} is there already. Send "overwrite": true to replace it, or another name.')
    job = bench.jobs.start(KIND, "Workshop", _Work(bench, asked, found))
    return AcceptedWorkshop(id=job.id, status="running")


def workshop_state(job_id: str) -> WorkshopState:
    """How far it is, and what came of it. The last few are known."""
    job = _known(job_id)
    fraction, step = job.progress
    if not job.ended:
        return WorkshopState(id=job_id, status="running", progress=fraction, step=step)
    try:
        saved: Saved = job.result()
    except Cancelled:
        return WorkshopState(id=job_id, status="cancelled", progress=0.0, step="cancelled")
    except Exception as error:  # noqa: BLE001  # told to whoever asks
        told = without_folders(sentence_of(error), workbench())
        return WorkshopState(id=job_id, status="failed", progress=0.0, step="failed", error=told)
    return WorkshopState(
        id=job_id,
        status="done",
        progress=1.0,
        step="done",
        file=printable(saved.path.name),
        written=saved.written,
        bytes=saved.size,
        tensors=saved.tensors,
        done=list(saved.done),
        notes=[without_folders(note, workbench()) for note in saved.notes],
    )


def cancel_workshop(job_id: str) -> Response:
    """Stops it, if it runs: nothing is left behind. A file that was written stays."""
    job = _known(job_id)
    job.cancel()
    job.wait(PATIENCE)
    return Response(status_code=204)


@dataclass(frozen=True)
class _Work:
    """An order as work for a job."""

    bench: Workbench
    order: Order
    found: Collection

    def __call__(self, progress: Progress) -> Saved:
        return save_order(self.bench, self.order, self.found, progress)


def _known(job_id: str) -> Job:
    job = workbench().jobs.get(job_id)
    if job is None or job.kind != KIND:
        raise refusal(404, "There is no such work. It ended long ago, or the server was started anew since.")
    return job


def without_folders(sentence: str, bench: Workbench) -> str:
    """Without the paths of this machine, which are nobody's business."""
    folders = {*bench.library_folders(), *bench.target_folders().values()}
    for folder in sorted((printable(os.fspath(Path(folder))) for folder in folders), key=len, reverse=True):
        sentence = sentence.replace(folder + os.sep, "").replace(folder, "its folder")
    return sentence
