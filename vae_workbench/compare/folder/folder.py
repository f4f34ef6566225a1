"""A comparison as a folder: what the page shows, the terminal writes, and a person opens again tomorrow.

``comparison.json`` tells what is compared with what, and what came of it; beside it lie the sources' pictures, the latents as
safetensors and a PNG for each cell. Sources, VAEs and cells are found again by their content: a cell that is there is not
computed again, whatever the files are called now.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from ...folder_lock import FolderLock
from .comparison_json import LATENT_KEY, LOSS_KEY, Content, View, check_names, files_of, read_content, to_json
from .files import image_name, make_folder, remove_unfinished, write_file
from .records import Cell, CellState, SourceKind, SourceRecord, VaeRecord, content_id

__all__ = [
    "COMPARISON",
    "Cell",
    "CellState",
    "ComparisonFolder",
    "SourceKind",
    "SourceRecord",
    "VaeRecord",
    "content_id",
]

COMPARISON = "comparison.json"


class ComparisonFolder:
    """A comparison that is kept in a folder. Safe for threads; every change is on disk when the call returns, but for how far
    it is. What another process changed is seen by the next change or :meth:`held`.

    Args:
        path: the folder, made if it is not there.

    Attributes:
        running: whether cells are being decoded.
        remaining: seconds until all are; ``None`` where that is not known.

    Raises:
        DamagedFile, UnsupportedFile: its ``comparison.json`` is something else, or of a newer version.
        UnreadableFile, UnwritableTarget: the system refuses.
        InUse: of every change, another process is working on it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._content = Content()
        self.running = False
        self.remaining: float | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._folder_lock = FolderLock(self.path, self._taken)
        if self.file.exists():
            self._read()
        else:
            make_folder(self.path)

    @property
    def file(self) -> Path:
        """``comparison.json``."""
        return self.path / COMPARISON

    @property
    def title(self) -> str:
        """What the comparison is called; empty: by its VAEs."""
        return self._content.title

    @title.setter
    def title(self, title: str) -> None:
        self._content.title = title

    @property
    def sources(self) -> Mapping[str, SourceRecord]:
        """By id, in the order of the rows."""
        return self._content.sources

    @property
    def vaes(self) -> Mapping[str, VaeRecord]:
        """By id, in the order of the columns."""
        return self._content.vaes

    @property
    def cells(self) -> Mapping[tuple[str, str], Cell]:
        """By the ids of source and VAE. Those that nobody has begun are missing."""
        return self._content.cells

    @property
    def latents(self) -> Sequence[View]:
        """How latents look, see :mod:`..views.latent_view`."""
        return self._content.latents

    @property
    def losses(self) -> Sequence[View]:
        """What is lost when pictures are encoded and decoded again and again, see :mod:`..views.generation_loss`."""
        return self._content.losses

    def held(self) -> AbstractContextManager[None]:
        """Keeps other processes from working on it, while this is entered. Threads of this one share it.

        Raises:
            InUse: another process is working on it.
            UnwritableTarget: the system refuses.
        """
        return self._folder_lock.held()

    def add_source(self, source: SourceRecord, picture: Image.Image | None = None) -> None:
        """Adds a source, or changes what it is called, with its picture."""
        with self._changing():
            if picture is not None:
                source = replace(source, image=f"source-{source.id}.png")
                self.save_picture(source.image or "", picture)
            self._content.sources[source.id] = source
            self._write()

    def add_vae(self, vae: VaeRecord) -> None:
        """Adds a VAE, or changes what it is called. What was known of it stays known where nothing else is told."""
        with self._changing():
            before = self.vaes.get(vae.id)
            if before and not (vae.badge or vae.warnings):
                vae = replace(vae, badge=before.badge, warnings=before.warnings)
            self._content.vaes[vae.id] = vae
            self._write()

    def put(self, cell: Cell, picture: Image.Image | None = None) -> Cell:
        """Keeps what came of a source and a VAE, with its picture; gives the cell as it is kept. One of what was taken out
        meanwhile is not."""
        with self._changing():
            if cell.source not in self.sources or cell.vae not in self.vaes:
                return cell
            former = self.cells.get((cell.source, cell.vae))
            if picture is not None:
                cell = replace(cell, image=image_name(cell))
                self.save_picture(cell.image or "", picture)
            self._content.cells[cell.source, cell.vae] = cell
            self._write()
            if former and former.image and former.image != cell.image:
                (self.path / former.image).unlink(missing_ok=True)
            return cell

    def tell(self, source: str, vae: str, progress: float, step: str, remaining: float | None) -> None:
        """Takes note of how far a running cell and all of them are; it is not worth writing."""
        with self._lock:
            self.remaining = remaining
            cell = self.cells.get((source, vae))
            if cell is not None:
                self._content.cells[source, vae] = replace(cell, progress=round(progress, 3), step=step)

    def put_latents(self, record: View, pictures: Mapping[str, Image.Image]) -> None:
        """Keeps how a latent looks, in place of what was kept of it before.

        Args:
            record: ``source``, ``encoder`` and what :mod:`..views.latent_view` tells.
            pictures: by the names of files that ``record`` tells.

        Raises:
            ValueError: names of files that lie elsewhere.
            UnwritableTarget: the system refuses.
        """
        with self._changing():
            self._put_view(self._content.latents, record, LATENT_KEY, pictures)

    def put_loss(self, record: View, pictures: Mapping[str, Image.Image]) -> None:
        """As :meth:`put_latents`, what :mod:`..views.generation_loss` tells of a ``source``, an ``encoder`` and a ``decoder``."""
        with self._changing():
            self._put_view(self._content.losses, record, LOSS_KEY, pictures)

    def remove(self, ids: Iterable[str]) -> None:
        """Takes sources and VAEs out, with all that came of them."""
        with self._changing():
            gone, before = set(ids), self._files()
            content = self._content
            for records in (content.sources, content.vaes):
                for key in gone & records.keys():
                    del records[key]
            content.cells = {key: cell for key, cell in content.cells.items() if not gone & set(key)}
            content.latents = [view for view in content.latents if not gone & {view[name] for name in LATENT_KEY}]
            content.losses = [view for view in content.losses if not gone & {view[name] for name in LOSS_KEY}]
            self._write()
            for name in before - self._files():
                (self.path / name).unlink(missing_ok=True)
            for path in self.path.glob("latent-*.safetensors"):
                if gone & set(path.stem.split("-")):
                    path.unlink(missing_ok=True)

    def arrange(self, sources: Sequence[str], vaes: Sequence[str]) -> None:
        """Puts sources and VAEs in this order, by their ids."""
        with self._changing():
            self._content.sources = {key: self.sources[key] for key in sources}
            self._content.vaes = {key: self.vaes[key] for key in vaes}
            self._write()

    def forget_cells(self, which: Callable[[Cell], bool]) -> None:
        """Takes out the cells of which this is true, so that they are decoded again."""
        with self._changing():
            self._content.cells = {key: cell for key, cell in self.cells.items() if not which(cell)}
            self._write()

    def change_cells(self, change: Callable[[Cell], Cell]) -> None:
        """Puts what this makes of each cell in its place."""
        with self._changing():
            self._content.cells = {key: change(cell) for key, cell in self.cells.items()}
            self._write()

    def missing(self) -> list[tuple[SourceRecord, VaeRecord]]:
        """What is to be decoded: the first source with each VAE, then the others VAE by VAE, so that few are loaded twice."""
        pairs = [(source, vae) for vae in self.vaes.values() for source in self.sources.values()]
        first = next(iter(self.sources), "")
        pairs.sort(key=lambda pair: pair[0].id != first)
        done = {key for key, cell in self.cells.items() if cell.state == "done"}
        return [(source, vae) for source, vae in pairs if (source.id, vae.id) not in done]

    def to_json(self, *, shared: bool = False) -> dict[str, Any]:
        """All of it as JSON has it; what is to be ``shared`` tells no paths of this machine."""
        with self._lock:
            told = to_json(self._content, shared=shared)
            return {**told, "running": self.running, "remaining": self.remaining}

    def save_picture(self, name: str, picture: Image.Image) -> None:
        """Writes a picture of the folder whole or not at all.

        Raises:
            UnwritableTarget: the system refuses.
        """
        self.save(name, lambda target: picture.save(target, "PNG", compress_level=4))

    def save(self, name: str, write: Callable[[Path], object]) -> None:
        """Writes a file of the folder whole or not at all.

        Raises:
            UnwritableTarget: the system refuses.
        """
        write_file(self.path, name, write)

    def _put_view(
        self, views: list[View], record: View, key: Sequence[str], pictures: Mapping[str, Image.Image]
    ) -> None:
        check_names(iter((*pictures, *files_of(record))))
        for name, picture in pictures.items():
            self.save_picture(name, picture)
        same = [place for place, view in enumerate(views) if all(view[name] == record[name] for name in key)]
        views[slice(same[0], same[0] + 1) if same else slice(len(views), None)] = [record]
        self._write()

    def _files(self) -> set[str]:
        """Names of all pictures."""
        content = self._content
        named = [source.image for source in self.sources.values()] + [cell.image for cell in self.cells.values()]
        named += [name for view in (*content.latents, *content.losses) for name in files_of(view)]
        return set(filter(None, named))

    def _write(self) -> None:
        text = json.dumps(self.to_json(), indent=1)
        self.save(COMPARISON, lambda target: target.write_text(text + "\n", encoding="utf-8"))
        self._stamp = self._stamp_of_file()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self.held(), self._lock:
            yield

    def _taken(self) -> None:
        remove_unfinished(self.path)
        if self._stamp_of_file() not in (None, self._stamp):
            self._read()

    def _read(self) -> None:
        self._stamp = self._stamp_of_file()
        self._content = read_content(self.file)

    def _stamp_of_file(self) -> tuple[int, int, int] | None:
        """Tells whether another process has written it since."""
        try:
            status = self.file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
