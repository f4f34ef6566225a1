"""Decodes what a comparison's folder lacks, cell by cell. Each is kept as soon as it is ready, and one that fails fails alone."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from ...errors import WorkbenchError
from ...identity.verdict import Verdict
from ...progress import Exclusive, Progress, part, silent, unshared
from ..folder.folder import Cell, ComparisonFolder
from ..measuring.suspicions import Places, badge, of_pictures, of_vae, places_of, without_those_of_pictures
from ..sources.picture import to_pil
from ..sources.sources import (  # fmt: skip
    Source,
    SourceLatents,
    built_in_source,
    keep_source,
    kept_sources,
    load_sources,
)
from .candidate import Candidate
from .cell import cell_of, rounded
from .comparison import Result, decode_one
from .encodings import Encodings, Task
from .latent_spaces import identified
from .opened import OpenedVaes
from .remaining import Remaining
from .settings import Settings
from .vae_record import vae_record

__all__ = [
    "Source", "SourceLatents", "built_in_source", "decode_missing", "keep_source", "kept_sources",
    "load_sources", "rounded", "vae_record",
]  # fmt: skip


def decode_missing(
    folder: ComparisonFolder,
    sources: Sequence[Source],
    known: Sequence[Candidate] = (),
    *,
    encoder: Candidate | None = None,
    settings: Settings | None = None,
    exclusive: Exclusive = unshared,
    progress: Progress = silent,
) -> None:
    """Decodes every source by every VAE of the folder, but for what was decoded before with the same settings.

    Cells of other settings are stale until they are decoded anew. When it is cancelled, those that were not are as before.

    Args:
        folder: with its sources and VAEs.
        sources: the folder's sources, with their pictures and latents; others are left as they are.
        known: the folder's VAEs with what a library knows of them.
        encoder: the VAE whose latent of each picture all of them decode; ``None``: each its own. Sources that bring latents
            keep them. For a VAE without an encoder, another one of the folder encodes, and a note says which.
        settings: how they are run.
        exclusive: holds the device for one cell, and lets others have it in between: a picture does not wait for them all.
        progress: told how far it is.

    Raises:
        WorkbenchError: ``encoder`` cannot be used, or the folder cannot be written, as while another process works on it.
        Cancelled: passed on from ``progress``; what was decoded until then is kept.
    """
    with folder.held():
        with exclusive(progress):
            decoding = _Decoding(folder, sources, known, encoder, settings or Settings(), exclusive)
        try:
            decoding.run(progress)
        finally:
            decoding.opened.close()
            folder.running, folder.remaining = False, None
            folder.change_cells(lambda cell: replace(cell, state="done") if cell.state == "stale" else cell)
    progress(1.0, "done")


class _Decoding:
    """One run of :func:`decode_missing`."""

    def __init__(
        self,
        folder: ComparisonFolder,
        sources: Sequence[Source],
        known: Sequence[Candidate],
        encoder: Candidate | None,
        settings: Settings,
        exclusive: Exclusive,
    ) -> None:
        self.folder, self.encoder, self.settings, self.exclusive = folder, encoder, settings, exclusive
        self.sources = {source.record.id: source for source in sources}
        self.tasks = self._tasks({os.fspath(candidate.path): candidate for candidate in known})
        described = [candidate for candidate in known if candidate.verdict is not None]
        self.verdicts = identified(
            [*described, *(task.candidate for task in self.tasks), *([encoder] if encoder else [])]
        )
        needs_encoders = encoder is None and any(task.source.latents is None for task in self.tasks)
        self.opened = OpenedVaes(settings, decoders_only=not needs_encoders)
        self.remaining = Remaining([(t.vae.id, t.source.record.width * t.source.record.height) for t in self.tasks])
        self.encodings = Encodings(folder, self.tasks, encoder, settings, self.verdicts, self.opened)
        self.places: dict[tuple[str, str], Places] = {}

    def run(self, progress: Progress) -> None:
        """Decodes all."""
        self._describe_vaes()
        self.folder.running = bool(self.tasks)
        for number, task in enumerate(self.tasks):
            if task.source.record.id not in self.folder.sources or task.vae.id not in self.folder.vaes:
                continue  # taken out meanwhile
            told = f"{task.vae.name}, {task.source.record.name}: "
            watched = part(progress, number / len(self.tasks), (number + 1) / len(self.tasks), told)
            with self.exclusive(watched):
                self._decode(task, watched)
            if all(later.source is not task.source for later in self.tasks[number + 1 :]):
                self._look_at_row(task.source.record.id)

    def _tasks(self, known: Mapping[str, Candidate]) -> list[Task]:
        """What is to be decoded, with the cells marked that are stale or failed."""
        folder = self.folder
        folder.forget_cells(
            lambda cell: cell.source in self.sources and (cell.state in ("failed", "running") or self._is_damaged(cell))
        )
        folder.change_cells(self._marked)
        return [
            Task(self.sources[source.id], vae, known.get(vae.path or "") or Candidate(vae.name, vae.path or ""))
            for source, vae in folder.missing()
            if source.id in self.sources
        ]

    def _is_damaged(self, cell: Cell) -> bool:
        """Whether its picture is gone or spoiled, by a full disk or by a person; then it is decoded again."""
        if cell.image is None:
            return False
        try:
            with Image.open(self.folder.path / cell.image) as image:
                image.verify()
        except (OSError, SyntaxError):  # a PNG with a wrong checksum is a SyntaxError to Pillow
            return True
        return False

    def _marked(self, cell: Cell) -> Cell:
        source = self.sources.get(cell.source)
        if source is None or cell.state != "done" or cell.made_with == self._made_with(source):
            return cell
        return replace(cell, state="stale")

    def _made_with(self, source: Source) -> str:
        """What tells the settings apart that make another picture of this source."""
        own = source.latents is not None or self.encoder is None
        encoder = "own" if own or self.encoder is None else vae_record(self.encoder).id
        space = self.settings.latent_space
        return " ".join(filter(None, (encoder, self.settings.key, space.name if space else "")))

    def _describe_vaes(self) -> None:
        """Tells of each VAE what is known of it now."""
        before: dict[str, Verdict] = {}
        for vae in list(self.folder.vaes.values()):
            verdict = self.verdicts.get(vae.path or "")
            if verdict is None:
                continue
            told = replace(
                vae, badge=badge(verdict), warnings=of_vae(verdict, before), known_as=vae.known_as or verdict.known_as
            )
            if told != vae:
                self.folder.add_vae(told)
            before[vae.name] = verdict

    def _decode(self, task: Task, progress: Progress) -> None:
        source, vae = task.source, task.vae
        encoder = self.encodings.encoder_of(task)
        latents = self.encodings.latents(task, encoder, part(progress, 0, 0.3))
        before = self.folder.cells.get((source.record.id, vae.id))
        blank = Cell(
            source.record.id, vae.id, "running", encoder=encoder.name if encoder else None, progress=0.0,
            precision=self.settings.key, device=str(self.settings.device), made_with=self._made_with(source),
        )  # fmt: skip
        self.folder.put(replace(before, state="running", progress=0.0) if before else blank)
        start = time.perf_counter()

        def watched(fraction: float, what: str) -> None:
            left = self.remaining.seconds(fraction, time.perf_counter() - start)
            self.folder.tell(source.record.id, vae.id, fraction, what, left)
            progress(fraction, what)

        try:
            if isinstance(latents, WorkbenchError):
                result = Result(task.candidate, error=str(latents))
            else:
                result = decode_one(
                    source.compared, task.candidate, latents, self.verdicts, self.settings, watched, self.opened,
                    exactly=source.record.kind == "generation",
                )  # fmt: skip
        except BaseException:
            self._put_back(blank, before)
            raise
        cell = cell_of(blank, result, source, self.folder)
        if result.image is not None:
            self.places[cell.source, cell.vae] = places_of(result.image)
        self.folder.put(cell, None if result.image is None else to_pil(result.image))
        self.remaining.finished(time.perf_counter() - start)

    def _put_back(self, blank: Cell, before: Cell | None) -> None:
        """The cell as it was before it was begun."""
        if before:
            self.folder.put(before)
        else:
            self.folder.forget_cells(lambda cell: (cell.source, cell.vae) == (blank.source, blank.vae))

    def _look_at_row(self, source: str) -> None:
        """Tells what is suspicious about pictures beside the others of the same source."""
        row = [cell for cell in self.folder.cells.values() if cell.source == source and cell.state == "done"]
        seen = [places for cell in row if (places := self._places(cell)) is not None]
        if len(seen) < len(row) or len({places.shape for places in seen}) > 1:
            return
        for cell, found in zip(row, of_pictures(seen), strict=True):
            warnings = (*without_those_of_pictures(cell.warnings), *found)
            if warnings != cell.warnings:
                self.folder.put(replace(cell, warnings=warnings))

    def _places(self, cell: Cell) -> Places | None:
        key = (cell.source, cell.vae)
        if key not in self.places:
            try:
                with Image.open(self.folder.path / (cell.image or "")) as image:
                    self.places[key] = places_of(np.asarray(image.convert("RGB"), np.float32) / 255)
            except OSError:
                return None
        return self.places[key]
