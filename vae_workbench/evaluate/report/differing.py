"""The pictures where VAEs differ most, as a comparison that the viewer opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import torch

from ...compare.decoding.cell import rounded
from ...compare.decoding.cells import Source, keep_source, vae_record
from ...compare.folder.folder import Cell, ComparisonFolder, VaeRecord, content_id
from ...compare.measuring.measures import look
from ...compare.sources.picture import Picture, as_image, to_pil
from ...errors import InvalidInput
from ...progress import Progress, silent
from ..evaluation import Evaluation
from ..job import Column
from ..measuring.batches import Networks, one_thread, read_square
from ..summary.summary import Different, Summary

SHOWN = ("psnr", "ssim", "delta_e", "flip")
"""Measures that a comparison shows too."""


def keep_differing(
    evaluation: Evaluation, summary: Summary, folder: ComparisonFolder, progress: Progress = silent
) -> None:
    """Puts the pictures into a folder, with what each VAE makes of them, in place of others that are there.

    Args:
        evaluation: of which.
        summary: tells which pictures.
        folder: of the comparison.
        progress: told how far it is.

    Raises:
        UnwritableTarget: the system refuses.
        Cancelled: passed on from ``progress``.
    """
    vaes = {record.id: (place, record) for place, record in enumerate(_records(evaluation))}
    sources = {source.record.id: (different, source) for different, source in _sources(evaluation, summary)}
    folder.remove([key for key in (*folder.sources, *folder.vaes) if key not in vaes and key not in sources])
    for _, record in vaes.values():
        folder.add_vae(record)
    for _, source in sources.values():
        keep_source(folder, source)
    folder.arrange(list(sources), list(vaes))
    missing = folder.missing()
    with one_thread(), Networks(evaluation.job) as networks:
        for number, (source_record, vae_of) in enumerate(missing):
            progress(number / len(missing), f"{vae_of.name}, {source_record.name}")
            different, source = sources[source_record.id]
            place, record = vaes[vae_of.id]
            _decode(evaluation, networks, folder, different, source, place, record)


def _records(evaluation: Evaluation) -> Iterator[VaeRecord]:
    """Each VAE in each precision."""
    job = evaluation.job
    for column in evaluation.columns:
        record = vae_record(job.vaes[column.vae])
        yield replace(record, id=content_id(record.id, column.precision), name=job.title(column))


def _sources(evaluation: Evaluation, summary: Summary) -> Iterator[tuple[Different, Source]]:
    for different in summary.differing:
        try:
            square = read_square(evaluation.job, different.name)
        except InvalidInput:  # it has gone since then
            continue
        pixels = torch.from_numpy(square.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()
        yield different, Source.of(Picture(different.name, pixels, (square.shape[1], square.shape[0])), "picture")


def _decode(
    evaluation: Evaluation,
    networks: Networks,
    folder: ComparisonFolder,
    different: Different,
    source: Source,
    place: int,
    record: VaeRecord,
) -> None:
    job = evaluation.job
    column: Column = evaluation.columns[place]
    assert source.picture is not None
    image = as_image(torch.nan_to_num(networks.results(column, source.picture.pixels, {})))
    close = {name: different.measures[place][name] for name in SHOWN if name in different.measures[place]}
    cell = Cell(
        source.record.id, record.id, "done", encoder=job.encoder.name if job.encoder else None,
        precision=column.precision, device=job.device, measures=rounded({**close, **asdict(look(image))}),
    )  # fmt: skip
    folder.put(cell, to_pil(image))
