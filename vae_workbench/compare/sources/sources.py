"""What a comparison is made on: pictures, and latents that a sampler or a file brought."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ...autoencoder.latent_space import LATENT_SPACES, LatentSpace
from ...errors import InvalidInput, WorkbenchError
from ...weights.reader import open_weights
from ..folder.folder import ComparisonFolder, SourceKind, SourceRecord, content_id
from .builtin.pictures import BUILT_IN, built_in
from .infotext import infotext_of
from .latent_files import LATENT_FILES, load_latents
from .picture import DEFAULT_LONGEST_SIDE, Picture, PictureOfFile, as_image, load_picture, read_whole, to_pil

logger = logging.getLogger("vae_workbench")

BUILT_IN_PREFIX = "builtin:"
"""What precedes the name of a built-in picture where files are named, too."""

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"))
"""Endings of the pictures that are taken from a folder."""


@dataclass(frozen=True)
class SourceLatents:
    """Latents that a source brought.

    Attributes:
        values: 1×C×h×w float32 on the CPU.
        are_scaled: their units, see :class:`...autoencoder.autoencoder.Autoencoder`; a sampler's are.
        space: their latent space, ``None`` if nothing tells it.
        downscale: pixels for one place, along each axis.
        notes: what a person should know of them, sentences.
    """

    values: Tensor
    are_scaled: bool
    space: LatentSpace | None = None
    downscale: int = 8
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """What is to be compared on, and what is kept of it.

    Attributes:
        record: what the folder tells of it.
        picture: to be encoded, or, beside latents, what was made of them already; ``None`` where there is only a latent.
        latents: that it brought; ``None``: it is encoded.
    """

    record: SourceRecord
    picture: Picture | None = None
    latents: SourceLatents | None = None

    @property
    def compared(self) -> Picture | None:
        """The picture that decoded ones are measured against: none where there is none, or where it is of another size than
        latents give, as after upscaling."""
        decoded = (self.record.width, self.record.height)
        return self.picture if self.picture is not None and self.picture.size == decoded else None

    @classmethod
    def of(cls, picture: Picture, kind: SourceKind, infotext: str = "") -> Source:
        """A source from a picture that was loaded; its id is of its pixels."""
        width, height = picture.size
        key = content_id(picture.pixels.numpy().tobytes(), f"{width}x{height}")
        return cls(SourceRecord(key, picture.name, kind, width, height, infotext=infotext), picture)

    @classmethod
    def of_latents(
        cls,
        values: Tensor,
        name: str,
        kind: SourceKind,
        *,
        space: LatentSpace | None,
        are_scaled: bool,
        downscale: int = 8,
        picture: Picture | None = None,
        infotext: str = "",
        made_by: str = "",
        checkpoint: str = "",
        notes: tuple[str, ...] = (),
    ) -> Source:
        """A source from latents; its id is of their numbers and units.

        Args:
            values: 1×C×h×w, any floating format, on any device.
            name: for people.
            kind: ``generation`` or ``latent``.
            space: their latent space, ``None`` if nothing tells it.
            are_scaled: whether they are in the units of a diffusion model, as a sampler gives them.
            downscale: pixels for one place.
            picture: what was made of them already, such as the web UI's own picture.
            infotext: of a generation.
            made_by: name of the VAE that made ``picture``.
            checkpoint: name of the checkpoint of a generation.
            notes: what a person should know of them.

        Raises:
            InvalidInput: that is no latent of one picture.
        """
        if values.ndim != 4 or len(values) != 1 or 0 in values.shape:
            raise InvalidInput(f"{name} is no latent of one picture, but of the shape {tuple(values.shape)}")
        kept = values.detach().to("cpu", torch.float32).contiguous()
        height, width = (side * downscale for side in kept.shape[2:])
        told = f"{tuple(kept.shape)} {are_scaled} {space.name if space else ''} {downscale} {made_by}"
        key = content_id(kept.numpy().tobytes(), told)
        record = SourceRecord(
            key, name, kind, width, height, infotext=infotext, made_by=made_by, checkpoint=checkpoint,
            latent=f"latent-{key}.safetensors",
        )  # fmt: skip
        return cls(record, picture, SourceLatents(kept, are_scaled, space, downscale, notes))


def load_sources(
    named: Sequence[str | os.PathLike[str]],
    longest_side: int = DEFAULT_LONGEST_SIDE,
    failed: list[str] | None = None,
) -> list[Source]:
    """Sources as a person names them: a picture, a folder of pictures, a latent file, or ``builtin:face``. Each counts once.

    Args:
        named: in the order of the rows.
        longest_side: pixels to which pictures are scaled down; 0 for any size.
        failed: gets a sentence for each picture of a folder that cannot be read; the others are taken. Without it, the log
            gets them.

    Raises:
        InvalidInput: there is none, or one that was named cannot be read.
        FileProblem: a latent file cannot be read.
    """
    return list(each_source(named, longest_side, failed))


def each_source(
    named: Sequence[str | os.PathLike[str]],
    longest_side: int = DEFAULT_LONGEST_SIDE,
    failed: list[str] | None = None,
) -> Iterator[Source]:
    """As :func:`load_sources`, one after the other: many large pictures are not to be in memory together."""
    seen: set[str] = set()
    for name in named:
        for source in _loaded(os.fspath(name), longest_side, failed):
            if source.record.id not in seen:
                seen.add(source.record.id)
                yield source


def built_in_source(name: str, longest_side: int = DEFAULT_LONGEST_SIDE) -> Source:
    """A built-in picture as a source."""
    stream = io.BytesIO()
    built_in(name).save(stream, "PNG")
    return Source.of(load_picture(stream.getvalue(), name=name, longest_side=longest_side), "built-in")


def keep_source(folder: ComparisonFolder, source: Source) -> None:
    """Puts a source into a folder, with its picture and its latents.

    Raises:
        UnwritableTarget: the system refuses.
    """
    if source.latents and source.record.latent:
        save_latents(folder, source.record.latent, source.latents)
    picture = None if source.picture is None else to_pil(as_image(source.picture.pixels))
    folder.add_source(source.record, picture)


def kept_sources(folder: ComparisonFolder, ids: Collection[str] | None = None) -> list[Source]:
    """The sources that a folder holds, to go on with a comparison that was opened again. Those whose files are gone are left
    out. Pictures are read when their pixels are asked for, and the newest alone is kept.

    Args:
        folder: a comparison.
        ids: of those that are wanted; ``None``: all.
    """
    read = lru_cache(maxsize=1)(read_whole)
    wanted = [record for record in folder.sources.values() if ids is None or record.id in ids]
    return [source for record in wanted if (source := _kept(folder, record, read)) is not None]


def save_latents(folder: ComparisonFolder, name: str, latents: SourceLatents) -> None:
    """Keeps latents as a file of a folder, whole or not at all."""
    from safetensors.torch import save

    told = {
        "are_scaled": str(latents.are_scaled),
        "latent_space": latents.space.name if latents.space else "",
        "downscale": str(latents.downscale),
        "notes": json.dumps(latents.notes),
    }
    content = save({"latent": latents.values}, told)
    folder.save(name, lambda target: target.write_bytes(content))  # whose errors are the system's


def kept_latents(folder: ComparisonFolder, name: str) -> SourceLatents | None:
    """Latents as :func:`save_latents` keeps them; ``None`` if there are none that can be read."""
    path = folder.path / name
    if not path.is_file():
        return None
    try:
        with open_weights(path) as weights:
            values, told = weights.load("latent"), weights.inventory.metadata
        space, downscale = LATENT_SPACES.get(told.get("latent_space", "")), int(told["downscale"])
        notes = tuple(map(str, json.loads(told.get("notes", "[]"))))
    except (WorkbenchError, KeyError, ValueError, TypeError, RecursionError):
        return None
    if values.ndim != 4 or len(values) != 1 or 0 in values.shape or downscale < 1:
        return None
    return SourceLatents(values.float(), told["are_scaled"] == "True", space, downscale, notes)


def is_kept(folder: ComparisonFolder, record: SourceRecord, source: Source) -> bool:
    """Whether a folder still has all files of a source that it knows, and they can be read."""
    kept = _kept(folder, record, read_whole)
    return kept is not None and (kept.picture is not None or source.picture is None)


def _kept(folder: ComparisonFolder, record: SourceRecord, read: Callable[[Path], Picture]) -> Source | None:
    latents = kept_latents(folder, record.latent) if record.latent else None
    try:
        picture = PictureOfFile(folder.path / record.image, record.name, read) if record.image else None
    except InvalidInput:
        picture = None
    if latents is None and (record.latent or picture is None):
        return None
    return Source(replace(record, image=None), picture, latents)


def _loaded(name: str, longest_side: int, failed: list[str] | None) -> Iterator[Source]:
    if name.startswith(BUILT_IN_PREFIX):
        yield built_in_source(name.removeprefix(BUILT_IN_PREFIX), longest_side)
        return
    path = Path(name)
    if not path.is_dir():
        yield from _of_file(path, longest_side)
        return
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES and file.is_file())
    if not files:
        raise InvalidInput(f"{path} holds no pictures", f"Name a picture, or {BUILT_IN_PREFIX}{next(iter(BUILT_IN))}")
    complaints = []
    for file in files:
        try:
            yield from _of_file(file, longest_side)
        except InvalidInput as error:
            complaints.append(error)
    if len(complaints) == len(files):
        raise complaints[0]
    if failed is not None:
        failed += map(str, complaints)
    elif complaints:
        logger.warning("%s", " ".join(map(str, complaints)))


def _of_file(path: Path, longest_side: int) -> Iterator[Source]:
    if path.suffix.lower() in LATENT_FILES:
        yield from _of_latent_file(path)
    else:
        yield Source.of(load_picture(path, longest_side=longest_side), "picture", infotext_of(path))


def _of_latent_file(path: Path) -> Iterator[Source]:
    loaded = load_latents(path)
    for number, values in enumerate(loaded.values, start=1):
        name = path.name if len(loaded.values) == 1 else f"{path.name} {number}"
        yield Source.of_latents(
            values, name, "latent", space=loaded.space, are_scaled=loaded.taken_as_scaled, notes=loaded.notes
        )
