"""What a recipe does to a picture, before there is a file."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...compare.decoding.candidate import Candidate
from ...errors import InvalidInput, WorkbenchError
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...progress import Progress, part
from ..compare.sources import Chosen, gather
from ..workbench import Workbench
from .order import PICTURE_SIDE, Order, built_in_picture, entry_called, recipe_of

if TYPE_CHECKING:
    from torch import Tensor

    from ...compare.decoding.latents import Latents
    from ...compare.decoding.opened import OpenedVae
    from ...compare.decoding.settings import Settings
    from ...compare.folder.folder import ComparisonFolder
    from ...compare.sources.sources import Source
    from ...edit.recipe import Recipe
    from ...identity.verdict import Verdict

SIDE = 512
"""Pixels of the longer side of a picture to look at."""

BEFORE, AFTER = "Before", "After"

PIXELS_STEP, PIXELS_LOWEST = 1 / 16384, -1.5
"""How values of pixels are kept: 16 bits of steps above the lowest, so that those beyond black and white are there, too."""


@dataclass(frozen=True)
class Place:
    """Where results go, and on what they are made.

    Attributes:
        comparison_id: the comparison that shows them.
        chosen: the picture.
        chosen_in: the comparison that keeps it, if it is a person's own.
    """

    comparison_id: str
    chosen: Chosen
    chosen_in: str


def look(workbench: Workbench, order: Order, place: Place, found: Collection, progress: Progress) -> tuple[str, ...]:
    """Shows before and after as a comparison of two VAEs. Both decode the same latent, of the VAE as it is before.

    Returns:
        what the steps have to tell, in sentences.

    Raises:
        WorkbenchError: the recipe cannot be made, or there is no picture.
        Cancelled: passed on from ``progress``.
    """
    from ...compare.folder.folder import VaeRecord
    from ...compare.sources.sources import keep_source

    source = _source(workbench, place)
    recipe, entry = recipe_of(order, found, progress), entry_called(order.source, found)
    settings, token = _settings(workbench), secrets.token_hex(6)
    after, notes = _opened(AFTER, recipe, entry.verdict, settings, part(progress, 0, 0.4))
    before: OpenedVae | str
    try:
        before, _ = _opened(BEFORE, _extracting(recipe), entry.verdict, settings, part(progress, 0.4, 0.5))
    except WorkbenchError as error:  # a file to be repaired
        before = str(error)
    folder = workbench.comparisons.open(place.comparison_id)
    folder.remove([*folder.sources, *folder.vaes])
    keep_source(folder, source)
    records = [VaeRecord(f"{token[:-1]}{number}", name) for number, name in enumerate((BEFORE, AFTER))]
    for record in records:
        folder.add_vae(record)
    with workbench.exclusive(progress):
        encoder = after if isinstance(before, str) else before
        latents = _latents(encoder, source, entry.verdict, part(progress, 0.5, 0.6))
        for record, vae, start in zip(records, (before, after), (0.6, 0.8), strict=True):
            _put(folder, record.id, vae, source, latents, settings, entry.verdict, part(progress, start, start + 0.2))
    return notes


def faults_of(order: Order, found: Collection) -> tuple[str, ...]:
    """What a repair of the file would put right, in sentences; none for what cannot be repaired or needs none."""
    from ...edit.recipe import Recipe
    from ...edit.steps.repair import Repair

    try:
        with Recipe(entry_called(order.source, found).path, (Repair(),), forgiving=True).prepared() as state:
            return () if state.is_copy else state.notes
    except WorkbenchError:
        return ()


def tone_base(workbench: Workbench, order: Order, place: Place, found: Collection, progress: Progress) -> str:
    """What the recipe decodes of the picture, with all values as they are, for a change of colours that a browser computes.

    Returns:
        the name of a file in the folder of the comparison: H×W×3 little-endian 16 bit numbers, see :data:`PIXELS_STEP`, after
        width and height as 32 bit ones.

    Raises:
        WorkbenchError: the recipe cannot be made, or there is no picture.
        Cancelled: passed on from ``progress``.
    """
    from ...compare.decoding.latents import fitting
    from ...compare.folder.folder import content_id
    from ...compare.sources.sources import keep_source

    source = _source(workbench, place)
    recipe, entry = recipe_of(order, found, progress), entry_called(order.source, found)
    settings = _settings(workbench)
    vae, _ = _opened(AFTER, recipe, entry.verdict, settings, part(progress, 0, 0.3))
    with workbench.exclusive(progress):
        latents = _latents(vae, source, entry.verdict, part(progress, 0.3, 0.5))
        values, _ = fitting(latents, vae.network, vae.candidate, vae.candidate.verdict)
        ran = vae.decode(values, part(progress, 0.5, 1))
    pixels = (ran.values.float().cpu()[0] / 2 + 0.5).permute(1, 2, 0).numpy()
    pixels = pixels[: source.record.height, : source.record.width]
    steps = np.round((np.nan_to_num(pixels) - PIXELS_LOWEST) / PIXELS_STEP).clip(0, 65535).astype("<u2")
    content = np.array(pixels.shape[1::-1], "<u4").tobytes() + steps.tobytes()
    folder = workbench.comparisons.open(place.comparison_id)
    if source.record.id not in folder.sources:
        keep_source(folder, source)  # a comparison that holds nothing has no address
    name = f"pixels-{content_id(content)}.bin"
    for old in folder.path.glob("pixels-*.bin"):
        old.unlink(missing_ok=True)
    folder.save(name, lambda target: target.write_bytes(content))
    return name


def picture_of(workbench: Workbench, comparison_id: str, name: str, progress: Progress) -> Tensor:
    """A picture that a step of a recipe names: a built-in one, ``own ID`` or ``generation ID``; 1×3×H×W in −1..1.

    Args:
        workbench: what keeps them.
        comparison_id: the comparison that keeps a person's own.
        name: the picture.
        progress: called before it is read.

    Raises:
        Cancelled: passed on from ``progress``.
        InvalidInput: it is not kept any more, or is a latent without a picture.
    """
    kind, _, place = name.partition(" ")
    if kind not in ("own", "generation"):
        return built_in_picture(name, progress)
    progress(0.0, "reading the pictures")
    chosen = Chosen(kind, place, "A picture to match on")
    sources, _ = gather([chosen], workbench.comparisons, comparison_id, workbench.generations, PICTURE_SIDE)
    if sources[0].picture is None:
        raise InvalidInput(f"{sources[0].record.name} is a latent, and a match takes pictures", "Leave it out")
    return sources[0].picture.pixels * 2 - 1


def _source(workbench: Workbench, place: Place) -> Source:
    sources, _ = gather([place.chosen], workbench.comparisons, place.chosen_in, workbench.generations, SIDE)
    return sources[0]


def _settings(workbench: Workbench) -> Settings:
    from ...compare.decoding.settings import Settings

    return Settings(workbench.device())


def _extracting(recipe: Recipe) -> Recipe:
    """The VAE that the recipe begins with."""
    from ...edit.steps.extract import Extract

    return replace(recipe, steps=(Extract(expected=False),))


def _opened(
    name: str, recipe: Recipe, verdict: Verdict, settings: Settings, progress: Progress
) -> tuple[OpenedVae, tuple[str, ...]]:
    """The VAE that a recipe makes, in memory, and what its steps tell; its path is that of no file."""
    from ...autoencoder.autoencoder import require_rgb
    from ...autoencoder.build import load_autoencoder
    from ...autoencoder.kl import KLAutoencoder
    from ...compare.decoding.opened import OpenedVae

    with recipe.prepared(progress) as state:
        tensors = state.load_vae()
        found = (sentence for finding in state.findings for sentence in finding())
        notes = tuple(dict.fromkeys((*state.notes, *found)))
    unlearned = replace(verdict, sketch_id=None, known_as=None, baked=None)
    candidate = Candidate(name, f"{os.fspath(recipe.source)}\0{name}", unlearned)
    network = load_autoencoder(tensors, device=settings.device, dtype=settings.dtype(unlearned))
    if settings.is_guarded and not isinstance(network, KLAutoencoder):
        network = load_autoencoder(tensors, device=settings.device)  # as OpenedVae.open does
    require_rgb(network, name)
    return OpenedVae(candidate, network, settings, unlearned), notes


def _latents(vae: OpenedVae, source: Source, verdict: Verdict, progress: Progress) -> Latents:
    from ...compare.decoding.latent_spaces import space_of
    from ...compare.decoding.latents import brought, encoded

    if source.latents is not None:
        return brought(source.latents, None)
    assert source.picture is not None
    if not vae.network.has_encoder:
        raise InvalidInput(
            "The VAE has no encoder for this picture", "Choose one of the last generations, whose latent is kept"
        )
    return replace(encoded(vae, source.picture, progress), space=space_of(verdict, vae.network))


def _put(
    folder: ComparisonFolder,
    record: str,
    vae: OpenedVae | str,
    source: Source,
    latents: Latents,
    settings: Settings,
    verdict: Verdict,
    progress: Progress,
) -> None:
    from ...compare.decoding.cell import cell_of
    from ...compare.decoding.comparison import decode_one
    from ...compare.decoding.opened import OpenedVaes
    from ...compare.folder.folder import Cell
    from ...compare.sources.picture import to_pil

    encoder = latents.maker.name if latents.maker else None
    blank = Cell(
        source.record.id, record, "running", encoder=encoder, precision=settings.key, device=str(settings.device)
    )
    if isinstance(vae, str):
        folder.put(replace(blank, state="failed", error=vae))
        return
    verdicts = {os.fspath(vae.candidate.path): vae.candidate.verdict or verdict}
    opened = OpenedVaes(settings)
    opened.keep(vae)
    result = decode_one(source.compared, vae.candidate, latents, verdicts, settings, progress, opened)
    cell = cell_of(blank, result, source, folder)
    folder.put(cell, None if result.image is None else to_pil(result.image))
