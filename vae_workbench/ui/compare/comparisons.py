"""The comparisons that pages show, each in a folder of its own, and the addresses at which a browser gets them."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import fastapi
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from ...errors import InvalidInput, WorkbenchError
from ...progress import Progress
from .source_thumbnails import add_thumbnail_routes, source_thumbnail

if TYPE_CHECKING:
    from ...compare.folder.folder import ComparisonFolder
    from ...compare.sources.generations import KeptGenerations

ADDRESS = "/vae-workbench/comparisons/{comparison_id}/{name}"
ID = re.compile(r"[0-9a-f]{32}")
PICTURE = re.compile(r"[\w-]+\.png")
PIXELS = re.compile(r"pixels-[0-9a-f]{12}\.bin")
THUMBNAIL = re.compile(r"thumbnail-([0-9a-f]{12})\.jpg")
FIRST = "0" * 31 + "1"
"""The id of the comparison that is there when the app is opened."""

ADDED = "added"
"""The folder in a comparison's that holds the sources for the next time."""

LOOK_AGAIN = 0.2
"""Seconds between two looks whether it is one's turn, or whether the work was cancelled."""

KEPT = 24
"""Comparisons that are kept; the one changed longest ago goes first."""


class Comparisons:
    """All comparisons of one web UI or app. Each page asks for its own by an id that nobody else can guess.

    Args:
        folder: where they are kept, made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, ComparisonFolder] = {}
        self._held: Counter[str] = Counter()
        self._turns: dict[str, threading.Lock] = {}

    def open(self, comparison_id: str) -> ComparisonFolder:
        """A comparison, made if it is not there. The same one for all who ask.

        Raises:
            InvalidInput: that is no id.
            FileProblem: it cannot be read or made.
        """
        return self._opened(comparison_id, comparison_id)

    def known(self, comparison_id: str) -> ComparisonFolder | None:
        """A comparison that is there already."""
        there = ID.fullmatch(comparison_id) and (self.folder / comparison_id / "comparison.json").is_file()
        return self.open(comparison_id) if there else None

    def added(self, comparison_id: str) -> ComparisonFolder:
        """The sources that a person has added to a comparison since it was made; they are part of it from the next time on.

        Raises:
            InvalidInput: that is no id.
            FileProblem: it cannot be read or made.
        """
        return self._opened(comparison_id, f"{comparison_id}/{ADDED}")

    def _opened(self, comparison_id: str, key: str) -> ComparisonFolder:
        from ...compare.folder.folder import ComparisonFolder

        if not ID.fullmatch(comparison_id):
            raise InvalidInput("This comparison has no valid id", "Load the page anew")
        with self._lock:
            if key not in self._open or not self._open[key].file.is_file():
                self._open[key] = ComparisonFolder(self.folder / key)
                self._forget_old()
            return self._open[key]

    def known_added(self, comparison_id: str) -> ComparisonFolder | None:
        """The same if a person has added any."""
        there = ID.fullmatch(comparison_id) and (self.folder / comparison_id / ADDED / "comparison.json").is_file()
        return self.added(comparison_id) if there else None

    def with_source(self, comparison_id: str, source_id: str) -> ComparisonFolder | None:
        """Where a source of a comparison lies, of those added to it too."""
        folders = (self.known(comparison_id), self.known_added(comparison_id))
        return next((folder for folder in folders if folder and source_id in folder.sources), None)

    @contextlib.contextmanager
    def held(self, comparison_id: str) -> Iterator[None]:
        """Keeps a comparison for as long as it waits for its turn or is being worked on, however many newer ones there are."""
        with self._lock:
            self._held[comparison_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[comparison_id] -= 1

    @contextlib.contextmanager
    def turn(self, comparison_id: str, progress: Progress) -> Iterator[None]:
        """Keeps a comparison, see :meth:`held`, and lets nobody else work on it: a copy of a browser's tab has the same one.

        Raises:
            Cancelled: passed on from ``progress`` while it waits.
        """
        with self.held(comparison_id):
            with self._lock:
                lock = self._turns.setdefault(comparison_id, threading.Lock())
            while not lock.acquire(timeout=LOOK_AGAIN):
                progress(0.0, "waiting for other work on this comparison")
            try:
                yield
            finally:
                lock.release()

    def remove(self, comparison_id: str) -> None:
        """Forgets a comparison, with all of its files; quiet if it is not there."""
        if ID.fullmatch(comparison_id):
            with self._lock:
                self._forget(comparison_id)

    def _forget_old(self) -> None:
        folders = [path for path in self.folder.iterdir() if ID.fullmatch(path.name) and path.name != FIRST]
        folders.sort(key=lambda path: path.stat().st_mtime)
        for path in folders[:-KEPT]:
            if self._held[path.name] <= 0:
                self._forget(path.name)

    def _forget(self, comparison_id: str) -> None:
        for key in (comparison_id, f"{comparison_id}/{ADDED}"):
            self._open.pop(key, None)
        if self._held[comparison_id] <= 0:
            self._turns.pop(comparison_id, None)
        shutil.rmtree(self.folder / comparison_id, ignore_errors=True)


def add_comparison_route(
    app: fastapi.FastAPI, comparisons: Comparisons, generations: KeptGenerations | None = None
) -> None:
    """Adds the addresses: ``comparison.json``, the pictures that it names, ``comparison.html`` and ``comparison.zip``; and those
    of the thumbnails of what can be chosen."""
    add_thumbnail_routes(app, generations)

    async def file(comparison_id: str, name: str) -> Response:
        return await run_in_threadpool(_file, comparisons, comparison_id, name)

    app.add_api_route(ADDRESS, file, methods=["GET"], response_model=None, include_in_schema=False)


def _file(comparisons: Comparisons, comparison_id: str, name: str) -> Response:
    try:
        folder = comparisons.known(comparison_id)
        if thumbnail := THUMBNAIL.fullmatch(name):
            return source_thumbnail(comparisons.with_source(comparison_id, thumbnail[1]), thumbnail[1])
        if folder is not None:
            return answer(folder, name)
        if name == "comparison.json":  # a page asks for it before there is anything
            return JSONResponse(None, headers={"Cache-Control": "no-store"})
    except (WorkbenchError, OSError) as error:
        return JSONResponse({"detail": str(error)}, status_code=500)
    return JSONResponse({"detail": "There is no such comparison."}, status_code=404)


def answer(folder: ComparisonFolder, name: str) -> Response:
    """What a browser gets of a comparison: ``comparison.json``, a picture that it names, or all of it to be kept."""
    from ...compare.html_file import html_of

    if name == "comparison.json":
        return JSONResponse(folder.to_json(shared=True), headers={"Cache-Control": "no-store"})
    if name == "comparison.html":
        return HTMLResponse(html_of(folder))
    if name == "comparison.zip":
        return Response(_zipped(folder), media_type="application/zip")
    if (PICTURE.fullmatch(name) or PIXELS.fullmatch(name)) and (folder.path / name).is_file():
        return FileResponse(folder.path / name)
    return JSONResponse({"detail": "There is no such picture."}, status_code=404)


def _zipped(folder: ComparisonFolder) -> bytes:
    from ...compare.report import report_text, shared_files

    stream = io.BytesIO()
    report, called = shared_files(folder)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for file, name in called.items():
            archive.write(folder.path / file, name)
        archive.writestr("report.json", report_text(report))
    return stream.getvalue()
