"""What is told of one cell: its measures, and what it looks like beside what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace

from ..folder.folder import ComparisonFolder
from ..folder.records import Cell
from ..measuring.flip import flip
from ..measuring.measures import Look, look
from ..measuring.words import describe
from ..sources.picture import as_image
from ..sources.sources import Source
from .comparison import Result

SOURCE = "the source"

Measures = dict[str, float | int | None]


def cell_of(blank: Cell, result: Result, source: Source, folder: ComparisonFolder) -> Cell:
    """A cell with what came of it.

    Args:
        blank: tells where it belongs and how it was run.
        result: what the VAE made.
        source: of what.
        folder: with the cells that were made before, one of which may be what this is compared with in words.
    """
    beside, reference = _reference(blank, source, folder) if result.look else ("", None)
    measures: Measures = {}
    if result.image is not None and result.look:
        picture = source.compared
        close: Measures = asdict(result.fidelity) if result.fidelity else {}
        if picture is not None and result.fidelity:
            close["flip"] = flip(as_image(picture.pixels), result.image)
        measures = {**close, **asdict(result.look)}
    return replace(
        blank,
        state="failed" if result.image is None else "done",
        progress=None,
        precision=result.precision or blank.precision,
        seconds=round(result.seconds, 3),
        measures=rounded(measures),
        words=describe(result.look, reference) if result.look and reference else "",
        beside=beside if reference else "",
        notes=result.notes,
        warnings=result.warnings,
        error=result.error,
        peak_memory=result.peak_memory,
    )


def rounded(measures: Mapping[str, float | int | None]) -> Measures:
    """Five digits, which is more than a picture of 8 bits can tell."""
    return {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in measures.items()}


def _reference(blank: Cell, source: Source, folder: ComparisonFolder) -> tuple[str, Look | None]:
    """What a cell is compared with in words: the source's picture, else what the VAE in use made of it, else the first VAE."""
    if source.compared is not None:
        return source.record.made_by or SOURCE, look(as_image(source.compared.pixels))
    vaes = sorted(folder.vaes.values(), key=lambda vae: vae.name != source.record.made_by)
    for vae in vaes:
        if vae.id == blank.vae:
            break
        cell = folder.cells.get((blank.source, vae.id))
        if cell is not None and cell.state == "done" and "brightness" in cell.measures:
            known = {one.name: cell.measures.get(one.name) or 0 for one in fields(Look)}
            return vae.name, Look(**known)  # type: ignore[arg-type]
    return "", None
