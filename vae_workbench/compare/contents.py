"""Fills a comparison's folder: puts sources and VAEs in, and has everything made of them that is not there yet."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..printable import printable
from ..progress import Exclusive, Progress, part, silent, unshared
from .decoding.candidate import Candidate
from .decoding.cells import decode_missing, vae_record
from .decoding.settings import Settings
from .folder.folder import ComparisonFolder
from .sources.sources import Source, is_kept, keep_source, kept_sources
from .views.generation_loss import add_losses
from .views.latent_view import add_latents

COMPUTED = ("latent", "loss")
"""Views that need VAEs to run beyond the cells: the latents as pictures, and the loss over generations."""


def add_contents(folder: ComparisonFolder, sources: Iterable[Source], vaes: Sequence[Candidate]) -> None:
    """Adds sources and VAEs to those that a comparison holds, under names that nothing else in it has.

    A VAE whose file was changed since takes the place of the former one, with all that came of it.
    """
    for source in sources:
        known = folder.sources.get(source.record.id)
        if known is None:
            name = distinct(printable(source.record.name), [record.name for record in folder.sources.values()])
        elif is_kept(folder, known, source):
            continue
        else:  # its files were taken away or damaged
            name = known.name
        keep_source(folder, replace(source, record=replace(source.record, name=name)))
    for candidate in vaes:
        record = vae_record(candidate)
        if record.id in folder.vaes:
            continue
        folder.remove([known.id for known in folder.vaes.values() if _is_same_file(known.path, candidate)])
        name = distinct(candidate.name, [known.name for known in folder.vaes.values()])
        folder.add_vae(replace(record, name=name))


def complete(
    folder: ComparisonFolder,
    vaes: Sequence[Candidate],
    *,
    encoder: Candidate | None = None,
    settings: Settings | None = None,
    views: Collection[str] = (),
    rounds: int = 1,
    exclusive: Exclusive = unshared,
    progress: Progress = silent,
) -> None:
    """Makes everything that is not there yet of what a folder holds.

    Args:
        folder: with its sources and VAEs.
        vaes: of the folder, those for which ``views`` are made.
        encoder: the VAE whose latent all of them decode; ``None``: each its own.
        settings: how they are run.
        views: any of :data:`COMPUTED`.
        rounds: how often the loss encodes and decodes.
        exclusive: holds the device for one cell or view, and lets others have it in between.
        progress: told how far it is.

    Raises:
        WorkbenchError: ``encoder`` cannot be used, or the folder cannot be written.
        InUse: another process is working on the folder.
        Cancelled: passed on from ``progress``; what was made until then is kept.
    """
    settings = settings or Settings()
    with folder.held():
        sources = kept_sources(folder)
        wanted = [view for view in COMPUTED if view in views]
        parts = [part(progress, n / (1 + len(wanted)), (n + 1) / (1 + len(wanted))) for n in range(1 + len(wanted))]
        decode_missing(
            folder, sources, vaes, encoder=encoder, settings=settings, exclusive=exclusive, progress=parts.pop(0)
        )
        encoders = [encoder] if encoder else list(vaes)
        if "latent" in wanted:
            watched = parts.pop(0)
            with exclusive(watched):
                add_latents(folder, sources, encoders, settings, watched)
        if "loss" in wanted:
            watched, pairs = parts.pop(0), [(encoder or vae, vae) for vae in vaes]
            with exclusive(watched):
                add_losses(folder, sources, pairs, rounds, settings, watched)


def distinct(name: str, taken: Collection[str]) -> str:
    """A name that is not among ``taken``, also where upper and lower case are one: "face (2)"."""
    used = {other.casefold() for other in taken}
    number, made = 1, name
    while made.casefold() in used:
        number, made = number + 1, f"{name} ({number + 1})"
    return made


def _is_same_file(path: str | None, candidate: Candidate) -> bool:
    return path is not None and os.path.realpath(path) == os.path.realpath(candidate.path)
