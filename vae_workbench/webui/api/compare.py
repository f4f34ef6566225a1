"""Routes that compare: an order is answered at once with an id, under which its state, pictures and report are had.

A comparison is a folder as those of the pages are. It waits for the picture being made, and others wait for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from fastapi import Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel

from ...autoencoder.latent_space import LATENT_SPACES
from ...compare.decoding.candidate import Candidate
from ...errors import Cancelled, sentence_of
from ...lazy_dataclass import dataclass
from ...progress import Progress
from ...ui.compare.comparisons import PICTURE
from ...ui.shared.jobs import Job
from ...ui.workbench import Workbench
from ..host import workbench
from .checkpoints import refused_in_a_sentence, scanned
from .compare_order import CompareOrder, named_vaes, wanted_sources
from .refusals import refusal

if TYPE_CHECKING:
    from ...compare.folder.folder import ComparisonFolder
    from ...compare.sources.sources import Source

KIND = "compare-api"
"""Of the jobs; no page shows them."""

PICTURES = ("image", "preview", "channels_images")
"""What names pictures in ``comparison.json``."""

PATIENCE = 5
"""Seconds that a deletion waits for the work to stop. What takes longer is removed when it stops."""

Status = Literal["running", "done", "failed", "cancelled"]


class Accepted(BaseModel):
    """What an order is answered with.

    Attributes:
        id: under which it is asked for; nobody can guess it.
        status: ``running``; waiting for its turn is part of that.
    """

    id: str
    status: Status


class State(BaseModel):
    """How far a comparison is, and what came of it until now.

    Attributes:
        id: of the comparison.
        status: ``done`` also where some cells have an ``error``; ``cancelled`` also where the server was stopped.
        progress: 0..1.
        step: what is being done.
        remaining: seconds, once that can be told.
        error: why it failed as a whole.
        sources, vaes, cells, latents, losses: as in ``comparison.json``, with the addresses of pictures. A cell has
            ``words`` and the measures.
        html: address of all of it as one page with a viewer.
    """

    id: str
    status: Status
    progress: float
    step: str
    remaining: float | None = None
    error: str | None = None
    sources: list[dict[str, Any]]
    vaes: list[dict[str, Any]]
    cells: list[dict[str, Any]]
    latents: list[dict[str, Any]]
    losses: list[dict[str, Any]]
    html: str


def start_comparison(order: CompareOrder) -> Accepted:
    """Compares sources and VAEs. Ask for the state under the id that is answered."""
    bench = workbench()
    found = scanned()
    vaes = named_vaes(order.vaes, found)
    encoder = named_vaes([order.encoder], found)[0] if order.encoder else None
    with refused_in_a_sentence():
        sources = wanted_sources(order, bench)
        work = _Work(bench, secrets.token_hex(16), order.copy(update={"sources": []}), vaes, encoder)
        work.set_up(sources)
    job = bench.jobs.start(KIND, "Comparison", work, job_id=work.comparison_id)
    return Accepted(id=job.id, status="running")


def comparison(comparison_id: str, request: Request) -> State:
    """How far a comparison is, and what came of it until now."""
    bench = workbench()
    told = _known(bench, comparison_id).to_json(shared=True)
    base = request.url.path.rstrip("/")
    status, error = _status(bench.jobs.get(comparison_id), told["cells"])
    fraction, step = _progress(bench.jobs.get(comparison_id), status)
    return State(
        id=comparison_id,
        status=status,
        progress=fraction,
        step=step,
        remaining=told.get("remaining"),
        error=error,
        html=f"{base}/comparison.html",
        **{
            name: _with_addresses(told.get(name, []), base)
            for name in ("sources", "vaes", "cells", "latents", "losses")
        },
    )


def comparison_file(comparison_id: str, name: str) -> Response:
    """A picture that the state names, or ``comparison.html``: all of it as one page with a viewer."""
    from ...compare.html_file import html_of

    folder = _known(workbench(), comparison_id)
    if name == "comparison.html":
        return HTMLResponse(html_of(folder))
    if PICTURE.fullmatch(name) and (folder.path / name).is_file():
        return FileResponse(folder.path / name)
    raise refusal(404, f"The comparison has no file {name}. Its state names them.")


def delete_comparison(comparison_id: str) -> Response:
    """Stops a comparison if it is running, and removes it."""
    bench = workbench()
    _known(bench, comparison_id)
    job = bench.jobs.get(comparison_id)
    if job is not None:
        job.cancel()
    if job is None or job.wait(PATIENCE):
        bench.comparisons.remove(comparison_id)
    else:
        bench.jobs.start(KIND, "Removal", lambda _progress: _remove_after(job, bench, comparison_id))
    return Response(status_code=204)


@dataclass(frozen=True)
class _Work:
    """An order as work for a job, without its sources: they are in the comparison's folder."""

    bench: Workbench
    comparison_id: str
    order: CompareOrder
    vaes: list[Candidate]
    encoder: Candidate | None

    def set_up(self, sources: Sequence[Source]) -> None:
        """Puts what is to be compared into its folder, so that it can be asked for at once."""
        from ...compare.contents import add_contents

        add_contents(self.bench.comparisons.open(self.comparison_id), sources, self.vaes)

    def __call__(self, progress: Progress) -> None:
        from ...compare.contents import complete
        from ...compare.decoding.settings import Settings

        space = LATENT_SPACES[self.order.latent_space] if self.order.latent_space else None
        settings = Settings(self.bench.device(), self.order.precision, space, self.bench.plans)
        folder = self.bench.comparisons.open(self.comparison_id)
        with self.bench.comparisons.held(self.comparison_id):
            complete(
                folder,
                self.vaes,
                encoder=self.encoder,
                settings=settings,
                views=self.order.views,
                rounds=self.order.rounds,
                exclusive=self.bench.exclusive,
                progress=progress,
            )


def _remove_after(job: Job, bench: Workbench, comparison_id: str) -> None:
    while not job.wait(PATIENCE):
        pass
    bench.comparisons.remove(comparison_id)


def _status(job: Job | None, cells: list[dict[str, Any]]) -> tuple[Status, str | None]:
    if job is not None and not job.ended:
        return "running", None
    if job is None:  # it ended long ago, or before the server was started
        whole = all(cell["state"] in ("done", "failed") for cell in cells)
        return ("done" if whole else "cancelled"), None
    try:
        job.result()
    except Cancelled:
        return "cancelled", None
    except Exception as error:  # noqa: BLE001  # told to whoever asks
        return "failed", sentence_of(error)
    return "done", None


def _progress(job: Job | None, status: Status) -> tuple[float, str]:
    if status == "running" and job is not None:
        return job.progress
    return (1.0 if status == "done" else 0.0), status


def _with_addresses(records: list[dict[str, Any]], base: str) -> list[dict[str, Any]]:
    """The same with pictures by their addresses."""

    def told(name: str, value: Any) -> Any:
        if name == "rounds":
            return _with_addresses(value, base)
        if isinstance(value, (list, tuple)) and name in PICTURES:
            return [f"{base}/{one}" for one in value]
        return f"{base}/{value}" if value and name in PICTURES else value

    return [{name: told(name, value) for name, value in record.items()} for record in records]


def _known(bench: Workbench, comparison_id: str) -> ComparisonFolder:
    with refused_in_a_sentence():
        folder = bench.comparisons.known(comparison_id)
    if folder is None:
        raise refusal(404, "There is no such comparison. It was deleted, or newer ones took its place.")
    return folder
