"""The evaluations that pages have made, each in a folder of its own, and the addresses at which a browser gets their files."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import fastapi
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response

from ...errors import InvalidInput, UnwritableTarget, WorkbenchError
from ...lazy_dataclass import dataclass
from ...stored import to_utf8
from ...targets import write_whole
from ..compare.comparisons import ID, answer
from .order import Order

if TYPE_CHECKING:
    from ...evaluate.summary.summary import Summary

ADDRESS = "/vae-workbench/evaluations/{evaluation_id}"
FILE = re.compile(r"plot-[\w-]+\.png|summary\.(?:csv|md|json|txt)|pairs\.csv|evaluation\.html")
ORDER, SUMMARY, PAGE, DIFFERING = "order.json", "summary.json", "evaluation.html", "differing"


@dataclass(frozen=True)
class KeptEvaluation:
    """An evaluation that a page has made, or begun.

    Attributes:
        id: 32 hexadecimal digits.
        order: what was asked for.
        changed: when it was begun or something was written last, in seconds since 1970.
        folder: with all of it.
    """

    id: str
    order: Order
    changed: float
    folder: Path

    @property
    def summary(self) -> Summary | None:
        """What came of it, until it was stopped at least; ``None``: there is nothing yet, or it cannot be read."""
        from ...evaluate.summary.summary import Summary

        try:
            return Summary.from_json(json.loads((self.folder / SUMMARY).read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    @property
    def plots(self) -> dict[str, str]:
        """Plots by the measure that they show: names of files."""
        from ...evaluate.measuring.measured import MEASURES

        named = {name: f"plot-{name.replace('_', '-')}.png" for name in MEASURES}
        return {name: file for name, file in named.items() if (self.folder / file).is_file()}

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to be done, the pictures to be looked at included."""
        summary = self.summary
        page = self.folder / PAGE
        return summary is not None and not summary.missing and (page.is_file() or not summary.differing)

    @property
    def has_differing(self) -> bool:
        """Whether there are pictures to be looked at."""
        return (self.folder / DIFFERING / "comparison.json").is_file()


class Evaluations:
    """All evaluations of one web UI or app. They stay until a person removes them.

    Args:
        folder: where they are kept, made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, order: Order) -> KeptEvaluation:
        """Begins an evaluation, of which nothing is computed yet.

        Raises:
            UnwritableTarget: the system refuses.
        """
        folder = self.folder / secrets.token_hex(16)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise UnwritableTarget(
                folder, f"{folder} cannot be made: {error.strerror or error}", "Free some space"
            ) from error
        write_whole(folder / ORDER, to_utf8(json.dumps(order.to_json(), ensure_ascii=False)))
        return self.get(folder.name)

    def all(self) -> list[KeptEvaluation]:
        """All of them, the newest first."""
        return sorted(self._found(), key=lambda kept: -kept.changed)

    def get(self, evaluation_id: str) -> KeptEvaluation:
        """One of them.

        Raises:
            InvalidInput: it is not there.
        """
        kept = self._kept(evaluation_id)
        if kept is None:
            raise InvalidInput("This evaluation is no longer there", "Start it again")
        return kept

    def unfinished(self, order: Order) -> KeptEvaluation | None:
        """One that asks for just the same and can be gone on with."""
        return next((kept for kept in self.all() if kept.order == order and not kept.is_finished), None)

    def remove(self, evaluation_id: str) -> None:
        """Forgets an evaluation, with all of its files; quiet if it is not there."""
        if ID.fullmatch(evaluation_id):
            shutil.rmtree(self.folder / evaluation_id, ignore_errors=True)

    def _found(self) -> Iterator[KeptEvaluation]:
        if self.folder.is_dir():
            yield from filter(None, (self._kept(path.name) for path in self.folder.iterdir()))

    def _kept(self, evaluation_id: str) -> KeptEvaluation | None:
        """``None`` if there is none of this id, or what was asked for cannot be read."""
        if not ID.fullmatch(evaluation_id):
            return None
        folder = self.folder / evaluation_id
        try:
            order = Order.from_json(json.loads((folder / ORDER).read_bytes()))
            newest = max(path.stat().st_mtime for path in (folder / ORDER, folder / SUMMARY) if path.exists())
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return KeptEvaluation(evaluation_id, order, newest, folder)


def add_evaluation_routes(app: fastapi.FastAPI, evaluations: Evaluations) -> None:
    """Adds the addresses: of tables, plots and the page to be shared, and of the comparison of the pictures that differ most."""

    async def file(evaluation_id: str, name: str) -> Response:
        return await run_in_threadpool(_file, evaluations, evaluation_id, name)

    async def differing(evaluation_id: str, name: str) -> Response:
        return await run_in_threadpool(_differing, evaluations, evaluation_id, name)

    for address, endpoint in ((f"{ADDRESS}/{DIFFERING}/{{name}}", differing), (f"{ADDRESS}/{{name}}", file)):
        app.add_api_route(address, endpoint, methods=["GET"], response_model=None, include_in_schema=False)


def _file(evaluations: Evaluations, evaluation_id: str, name: str) -> Response:
    path = evaluations.folder / evaluation_id / name
    if not ID.fullmatch(evaluation_id) or not FILE.fullmatch(name) or not path.is_file():
        return _not_there()
    return FileResponse(path, headers={"Cache-Control": "no-store"})


def _differing(evaluations: Evaluations, evaluation_id: str, name: str) -> Response:
    from ...compare.folder.folder import ComparisonFolder

    try:
        kept = evaluations.get(evaluation_id)
        return answer(ComparisonFolder(kept.folder / DIFFERING), name) if kept.has_differing else _not_there()
    except (WorkbenchError, OSError):
        return _not_there()


def _not_there() -> Response:
    return JSONResponse({"detail": "There is no such evaluation."}, status_code=404)
