"""Decodes what a comparison's folder lacks, cell by cell. Each is kept as soon as it is ready, and one that fails fails alone."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import Cancelled, WorkbenchError
from ...identity.verdict import Certainty, Verdict
from ...progress import Exclusive, Progress, part, silent, unshared
from ..folder.folder import Cell, ComparisonFolder, VaeRecord, content_id
from ..measuring.suspicions import Places, badge, of_pictures, of_vae, places_of, without_those_of_pictures
from ..sources.picture import to_pil
from ..sources.sources import (  # fmt: skip
    Source,
    SourceLatents,
    built_in_source,
    keep_source,
    kept_latents,
    kept_sources,
    load_sources,
    save_latents,
)
from .candidate import Candidate
from .cell import cell_of, rounded
from .comparison import Result, decode_one, shared_latents
from .latent_spaces import KnownSpace, encoder_for, identified, told_space
from .latents import Latents, brought
from .opened import OpenedVaes
from .remaining import Remaining
from .settings import Settings

__all__ = [
    "Source", "SourceLatents", "built_in_source", "decode_missing", "keep_source", "kept_sources",
    "load_sources", "rounded", "vae_record",
]  # fmt: skip


def vae_record(candidate: Candidate, known_as: str | None = None) -> VaeRecord:
    """A VAE as the folder keeps it. Its id is of the file and its state, which costs no reading of the weights."""
    path, verdict = os.fspath(candidate.path), candidate.verdict
    try:
        status = Path(path).stat()
        state = f"{status.st_size} {status.st_mtime_ns}"
    except OSError:  # its cells will say so
        state = ""
    key = content_id(os.fsencode(os.path.realpath(path)), state)
    known = known_as or (verdict.known_as if verdict else None)
    return VaeRecord(key, candidate.name, known, path, badge(verdict), of_vae(verdict, {}))


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


@dataclass(frozen=True)
class _Task:
    """A cell that is to be decoded."""

    source: Source
    vae: VaeRecord
    candidate: Candidate


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
        self.latents: dict[tuple[str, str], Latents | WorkbenchError] = {}
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

    def _tasks(self, known: Mapping[str, Candidate]) -> list[_Task]:
        """What is to be decoded, with the cells marked that are stale or failed."""
        folder = self.folder
        folder.forget_cells(lambda cell: cell.state in ("failed", "running") and cell.source in self.sources)
        folder.change_cells(self._marked)
        return [
            _Task(self.sources[source.id], vae, known.get(vae.path or "") or Candidate(vae.name, vae.path or ""))
            for source, vae in folder.missing()
            if source.id in self.sources
        ]

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

    def _decode(self, task: _Task, progress: Progress) -> None:
        source, vae = task.source, task.vae
        encoder = self._encoder_of(task)
        latents = self._latents(task, encoder, part(progress, 0, 0.3))
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

    def _encoder_of(self, task: _Task) -> Candidate | None:
        """The VAE that encodes for another one: for all, or for one that cannot itself."""
        if task.source.latents is not None:
            return None
        return self.encoder or encoder_for(task.candidate, self._others, self.verdicts)

    @cached_property
    def _others(self) -> list[Candidate]:
        """All VAEs of the folder, those too of which every cell is done."""
        tasks = {task.vae.id: task.candidate for task in self.tasks}
        chosen = [tasks.get(vae.id) or Candidate(vae.name, vae.path or "") for vae in self.folder.vaes.values()]
        unknown = [candidate for candidate in chosen if os.fspath(candidate.path) not in self.verdicts]
        self.verdicts = identified(unknown) | self.verdicts
        return chosen

    def _latents(self, task: _Task, encoder: Candidate | None, progress: Progress) -> Latents | WorkbenchError | None:
        """Those that the source brought, or that another VAE makes, or why there are none; ``None``: the VAE makes its own.

        For all but the first source at once, so that the encoder is read twice at the most.
        """
        source = task.source
        if source.latents is not None:
            return brought(source.latents, self.settings.latent_space)
        if encoder is None:
            return None
        maker = os.fspath(encoder.path)
        key = (source.record.id, maker)
        if key not in self.latents:
            wanted = {(other.source.record.id, maker): other.source for other in self._encoded_by(encoder)}
            chosen = {key: source}
            if any(made_by == maker for _, made_by in self.latents):
                chosen |= {one: other for one, other in wanted.items() if one not in self.latents}
            for number, (one, other) in enumerate(chosen.items()):
                watched = part(progress, number / len(chosen), (number + 1) / len(chosen))
                self.latents[one] = self._encoded_or_error(other, encoder, watched)
        latents = self.latents[key]
        if encoder is self.encoder or isinstance(latents, WorkbenchError):
            return latents
        return replace(latents, notes=(*latents.notes, f"Encoded by {encoder.name}: this VAE has no encoder."))

    def _encoded_by(self, encoder: Candidate) -> list[_Task]:
        return [task for task in self.tasks if self._encoder_of(task) == encoder]

    def _encoded_or_error(self, source: Source, encoder: Candidate, progress: Progress) -> Latents | WorkbenchError:
        """What a VAE makes of a picture, or why it does not. A picture that cannot be read is no fault of the encoder."""
        assert source.picture is not None
        try:
            _ = source.picture.pixels
        except WorkbenchError as error:
            return error
        try:
            return self._encoded(source, encoder, progress)
        except Cancelled:
            raise
        except WorkbenchError as error:
            if encoder is self.encoder:
                raise
            return error

    def _encoded(self, source: Source, encoder: Candidate, progress: Progress) -> Latents:
        """What a VAE makes of a picture, or made of it before."""
        settings = self.settings
        assert source.picture is not None
        name = f"latent-{source.record.id}-{vae_record(encoder).id}-{settings.key}.safetensors"
        space = told_space(self.verdicts.get(os.fspath(encoder.path)))
        if settings.latent_space:
            space = KnownSpace(settings.latent_space, Certainty.CERTAIN, "It was named.")
        kept = kept_latents(self.folder, name) if space.certainty >= Certainty.LIKELY else None
        if kept:
            return Latents(kept.values, kept.are_scaled, kept.downscale, space, encoder)
        made = shared_latents(source.picture, encoder, self.verdicts, settings, progress, self.opened)
        if not made.notes and not made.warnings:  # which would be lost
            values = made.values.detach().float().cpu().contiguous()
            save_latents(self.folder, name, SourceLatents(values, made.are_scaled, made.space.space, made.downscale))
        return made

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
