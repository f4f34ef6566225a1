"""``comparison.json``: all that a comparison tells of itself, but for the pictures and latents beside it.

Fields that a file lacks have their defaults, so that what an older version kept can be opened; fields that nobody knows here are
left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from ...errors import DamagedFile, UnreadableFile, UnsupportedFile
from ...printable import printable
from ..measuring.measures import Fidelity, leaders
from .json_shapes import LATENT, LOSS, fits
from .records import Cell, SourceRecord, VaeRecord

VERSION = 1

FILE_NAME = re.compile(r"[\w-][\w.-]*\.(png|safetensors)")
"""A folder that somebody sent must not name files outside of it."""

RECORD_ID = re.compile(r"[\w-]{1,64}")
"""Ids become parts of file names."""

View = dict[str, Any]
"""What is drawn of a source beside its cells, as JSON has it: its latents, or a generation loss."""

LATENT_KEY, LOSS_KEY = ("source", "encoder"), ("source", "encoder", "decoder")
"""What tells one view from another."""

Record = TypeVar("Record", SourceRecord, VaeRecord, Cell)

SHAPES: Mapping[type, Mapping[str, Any]] = {kind: get_type_hints(kind) for kind in (SourceRecord, VaeRecord, Cell)}
"""What each field of a record has to be."""


@dataclass
class Content:
    """A comparison, in the order in which it is shown. Sources and VAEs by their ids, cells by those of both."""

    title: str = ""
    sources: dict[str, SourceRecord] = field(default_factory=dict)
    vaes: dict[str, VaeRecord] = field(default_factory=dict)
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    latents: list[View] = field(default_factory=list)
    losses: list[View] = field(default_factory=list)


def to_json(content: Content, *, shared: bool) -> dict[str, Any]:
    """All of it as JSON has it; what is to be ``shared`` tells no paths of this machine."""
    vaes = [asdict(replace(vae, path=None) if shared else vae) for vae in content.vaes.values()]
    rows = [[content.cells.get((source, vae), Cell(source, vae)) for vae in content.vaes] for source in content.sources]
    return {
        "version": VERSION,
        "title": content.title,
        "sources": [asdict(source) for source in content.sources.values()],
        "vaes": vaes,
        "cells": [told for row in rows for told in _row_json(row)],
        "latents": list(content.latents),
        "losses": list(content.losses),
    }


def read_content(file: Path) -> Content:
    """What a ``comparison.json`` tells. What was being decoded is left out, or has the picture that it had before; so are those
    cells and views whose pictures are gone, and views that lack something.

    Raises:
        DamagedFile, UnsupportedFile: it is something else, or of a newer version.
        UnreadableFile: the system refuses.
    """
    damaged = DamagedFile(file, f"{file} is no comparison", "Choose another folder")
    try:
        content = _json_of(file.read_bytes())
    except OSError as error:
        raise UnreadableFile(file, f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise damaged from error
    if not isinstance(content, dict):
        raise damaged
    if content.get("version") != VERSION:
        raise UnsupportedFile(
            file,
            f"{file} is a comparison of another version of VAE Workbench",
            "Update VAE Workbench, or compare anew in another folder",
        )
    try:
        read = from_json(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged from error
    _leave_out_what_is_gone(read, file.parent)
    return read


def _json_of(raw: bytes) -> Any:
    """JSON of which JSON in UTF-8 can be made again: no NaN, no lone surrogates.

    Raises:
        ValueError, RecursionError: it is none.
    """
    return json.loads(json.dumps(json.loads(raw), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))


def _leave_out_what_is_gone(read: Content, folder: Path) -> None:
    def there(name: str | None) -> bool:
        return name is not None and (folder / name).is_file() and not (folder / name).is_symlink()

    for record in list(read.sources.values()):
        if not there(record.image):
            read.sources[record.id] = replace(record, image=None)
    for key, cell in list(read.cells.items()):
        if cell.state in ("done", "stale", "running") and there(cell.image):
            read.cells[key] = replace(cell, state="done", progress=None, step="")
        elif cell.state == "failed":
            read.cells[key] = replace(cell, image=None)
        else:
            del read.cells[key]
    read.latents = [view for view in read.latents if fits(view, LATENT) and all(map(there, files_of(view)))]
    read.losses = [view for view in read.losses if fits(view, LOSS) and all(map(there, files_of(view)))]


def from_json(content: Mapping[str, Any]) -> Content:
    """The reverse.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is something else, or names files that lie elsewhere.
    """
    sources = [_record(SourceRecord, item) for item in content["sources"]]
    vaes = [_record(VaeRecord, item) for item in content["vaes"]]
    read = Content(
        str(content["title"]),
        {source.id: replace(source, name=printable(source.name)) for source in sources},
        {vae.id: replace(vae, name=printable(vae.name)) for vae in vaes},
        {(item["source"], item["vae"]): _cell(item) for item in content["cells"]},
        [_view(item, LATENT_KEY) for item in content.get("latents", ())],
        [_view(item, LOSS_KEY) for item in content.get("losses", ())],
    )
    if odd := [key for key in (*read.sources, *read.vaes) if not RECORD_ID.fullmatch(key)]:
        raise ValueError(f"{odd[0]!r} is no id")
    if any("\0" in (vae.path or "") for vae in vaes) or any(min(one.width, one.height) < 1 for one in sources):
        raise ValueError("no path, or no size")
    named = [name for source in read.sources.values() for name in (source.image, source.latent)]
    named += [cell.image for cell in read.cells.values()]
    named += [name for view in (*read.latents, *read.losses) for name in files_of(view)]
    check_names(name for name in named if name is not None)
    return read


def files_of(view: View) -> Iterator[str]:
    """The names of all pictures of a view."""
    yield from view.get("channels_images") or ()
    yield from filter(None, (view.get("preview"), *(step.get("image") for step in view.get("rounds") or ())))


def check_names(names: Iterator[str]) -> None:
    """Raises:
    ValueError: one of these is not the name of a file beside ``comparison.json``.
    """
    for name in names:
        if not FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} names no file of the folder")


def _row_json(row: Sequence[Cell]) -> list[dict[str, Any]]:
    """The cells of one source, with the measures in which each is ``best`` as far as can be seen."""
    leading = leaders([_fidelity(cell) for cell in row])
    told = []
    for place, cell in enumerate(row):
        plain = {name: value for name, value in asdict(cell).items() if name != "measures"}
        best = [measure for measure, places in leading.items() if place in places]
        told.append({**plain, **cell.measures, "best": best, "identical": _is_identical(cell)})
    return told


def _fidelity(cell: Cell) -> Fidelity | None:
    delta_e = cell.measures.get("delta_e")
    return None if delta_e is None else Fidelity(cell.measures.get("psnr"), cell.measures.get("ssim"), delta_e)


def _is_identical(cell: Cell) -> bool:
    """No error at all has no PSNR."""
    return cell.measures.get("delta_e") is not None and cell.measures.get("psnr") is None


def _record(kind: type[Record], item: Mapping[str, Any]) -> Record:
    shapes = SHAPES[kind]
    known = {name: value for name, value in item.items() if name in shapes}
    if wrong := [name for name, value in known.items() if not fits(value, shapes[name])]:
        raise ValueError(f"{wrong[0]} is something else")
    return kind(**{name: _tuple(value) for name, value in known.items()})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _cell(item: Mapping[str, Any]) -> Cell:
    told = {one.name for one in fields(Cell)} | {"best", "identical"}
    measures = {name: value for name, value in item.items() if name not in told}
    return _record(Cell, {**item, "measures": measures})


def _view(item: View, key: Sequence[str]) -> View:
    if not all(item[name] is None or isinstance(item[name], str) for name in key):
        raise ValueError("a view that tells nothing")
    return item
