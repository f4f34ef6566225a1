"""What a comparison keeps of its sources, its VAEs and their cells."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SourceKind = Literal["picture", "built-in", "generation", "latent"]
CellState = Literal["waiting", "running", "done", "failed", "stale"]


@dataclass(frozen=True)
class SourceRecord:
    """What is decoded.

    Attributes:
        id: of its content.
        name: for people.
        kind: where it is from.
        width, height: of the picture, in pixels.
        image: file of the picture in the folder, for a generation the one that the web UI itself made; ``None`` where there is
            only a latent.
        infotext: of a generation, else empty.
        latent: file of the latent that the source brought, in the folder; ``None``: it is a picture, to be encoded.
        made_by: name of the VAE that made the picture of a generation, else empty.
        checkpoint: name of the checkpoint that made a generation, else empty.
    """

    id: str
    name: str
    kind: SourceKind
    width: int
    height: int
    image: str | None = None
    infotext: str = ""
    latent: str | None = None
    made_by: str = ""
    checkpoint: str = ""


@dataclass(frozen=True)
class VaeRecord:
    """What decodes.

    Attributes:
        id: of its file and the file's state.
        name: for people, of the file.
        known_as: its published name.
        path: of the file, on the machine where the comparison was made; left out of what is shared.
        badge: what it is for, in a word or two, such as ``SDXL`` or ``TAESD``.
        warnings: what is suspicious about it, in short sentences.
    """

    id: str
    name: str
    known_as: str | None = None
    path: str | None = None
    badge: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One source decoded by one VAE.

    Attributes:
        source, vae: ids.
        state: how far it is. ``stale``: it has a picture from other settings, and is about to be decoded anew.
        image: file of the picture in the folder, once it is done.
        encoder: name of the VAE that made the latent for all; ``None``: the source brought it, or the VAE encoded for itself.
        precision: what it was decoded in, such as ``fp32`` or ``fp16 rescaled``.
        seconds: time of encoding (with its own encoder) and decoding, reading the file not included.
        measures: by the names in :mod:`..measuring.measures`; those that compare with the source are missing without its picture.
        words: what it looks like beside ``beside``, see :mod:`..measuring.words`.
        notes: what a person should know of it.
        error: why there is no picture.
        warnings: what is suspicious about it: a repaired overflow, blotches. In short sentences.
        progress: 0..1 while it is running, else ``None``.
        step: what is being done while it is running.
        peak_memory: bytes at the most while it was made, beyond what was in use before; ``None`` where that cannot be told.
        device: where it was decoded, such as ``cpu``.
        beside: what ``words`` compare it with: ``the source`` or the name of a VAE; empty without words.
        made_with: tells settings apart: cells of others are decoded anew.
    """

    source: str
    vae: str
    state: CellState = "waiting"
    image: str | None = None
    encoder: str | None = None
    precision: str = ""
    seconds: float = 0.0
    measures: Mapping[str, float | int | None] = field(default_factory=dict)
    words: str = ""
    notes: tuple[str, ...] = ()
    error: str | None = None
    warnings: tuple[str, ...] = ()
    progress: float | None = None
    step: str = ""
    peak_memory: int | None = None
    device: str = ""
    beside: str = ""
    made_with: str = ""


def content_id(*parts: bytes | str) -> str:
    """12 hexadecimal digits of some content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:12]
