"""What a program sends in order to have pictures and VAEs compared, and what it names by that."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, root_validator

from ...choice.find import find_vaes
from ...compare.decoding.candidate import Candidate
from ...compare.sources.builtin.pictures import BUILT_IN
from ...compare.sources.picture import DEFAULT_LONGEST_SIDE, load_picture
from ...errors import WorkbenchError
from ...library.collection import Collection
from ...printable import printable
from ...ui.compare.sources import Chosen, generated
from ...ui.workbench import Workbench
from .refusals import refusal

if TYPE_CHECKING:
    from ...compare.sources.sources import Source

MOST = 64
"""Sources, and VAEs, of one request."""

LARGEST = 200_000_000
"""Bytes of a file, as in the pages."""

LatentSpaceName = Literal["sd1", "sdxl", "sd3", "flux1", "flux2"]
"""As :data:`...autoencoder.latent_space.LATENT_SPACES` has them; a type has to spell them out."""

KINDS = ("image", "builtin", "generation", "latents")


class WantedSource(BaseModel):
    """One of ``image``, ``builtin``, ``generation`` and ``latents``.

    Attributes:
        image: a picture file as base64, with or without ``data:image/png;base64,`` before it.
        builtin: name of a built-in picture.
        generation: id of one of the last generations.
        latents: a ``.safetensors`` file as base64; each latent of a batch is a source.
        name: what to call it; the latents of a batch are numbered.
    """

    image: str | None = None
    builtin: str | None = None
    generation: str | None = None
    latents: str | None = None
    name: str = Field("", max_length=200)

    @root_validator(skip_on_failure=True)
    def _is_one(cls, values: dict[str, object]) -> dict[str, object]:  # noqa: N805  # pydantic's way
        if sum(values.get(kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"give one of {', '.join(KINDS)}")
        return values


class CompareOrder(BaseModel):
    """What is to be compared.

    Attributes:
        sources: what is decoded.
        vaes: names of ``/vaes``, or of ``/checkpoints`` for the VAEs in them.
        encoder: name of the VAE that encodes for all; each its own by default.
        latent_space: of latents, where neither they nor the VAEs tell it.
        precision: what they run in; ``auto``: as each needs it.
        longest_side: of the pictures in pixels; larger ones are scaled down.
        views: what else is wanted: the latents as pictures, the loss over generations of encoding and decoding.
        rounds: generations for the loss.
    """

    sources: list[WantedSource] = Field(..., min_items=1, max_items=MOST)
    vaes: list[str] = Field(..., min_items=1, max_items=MOST)
    encoder: str | None = None
    latent_space: LatentSpaceName | None = None
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    longest_side: int = Field(DEFAULT_LONGEST_SIDE, ge=64, le=4096)
    views: list[Literal["latent", "loss"]] = Field([], max_items=2)
    rounds: int = Field(5, ge=1, le=20)

    class Config:
        """Misspelt names are told."""

        extra = "forbid"


def named_vaes(names: Sequence[str], found: Collection) -> list[Candidate]:
    """The VAEs of these names, each once.

    Raises:
        HTTPException: 422: there is none of that name, or several.
    """
    candidates: dict[str, Candidate] = {}
    for name in names:
        meant = find_vaes(found, name)
        if not meant:
            raise refusal(422, f"There is no VAE named {printable(name)}. Ask /vaes for the names.")
        if len(meant) > 1:
            listed = ", ".join(entry.name for entry in meant)
            raise refusal(422, f"{printable(name)} may be any of {listed}. Name one of those.")
        entry = meant[0]
        candidates[entry.path] = Candidate(printable(entry.name), entry.path, entry.verdict)
    return list(candidates.values())


def wanted_sources(order: CompareOrder, workbench: Workbench) -> list[Source]:
    """The sources of an order, read and checked.

    Raises:
        InvalidInput, FileProblem: one cannot be used.
        HTTPException: 422: there is no such built-in picture or generation, or something is no base64.
    """
    sources: dict[str, Source] = {}
    for number, wanted in enumerate(order.sources, 1):
        for source in _sources(wanted, number, order, workbench):
            sources.setdefault(source.record.id, source)
    if len(sources) > MOST:
        raise refusal(422, f"These are {len(sources)} sources, each latent of a batch being one. Send at most {MOST}.")
    return list(sources.values())


def _sources(wanted: WantedSource, number: int, order: CompareOrder, workbench: Workbench) -> list[Source]:
    """One, or all latents of a batch."""
    from ...compare.sources.infotext import infotext_of
    from ...compare.sources.sources import Source, built_in_source

    name = printable(wanted.name) or f"source {number}"
    if wanted.builtin is not None:
        if wanted.builtin not in BUILT_IN:
            raise refusal(
                422, f"There is no built-in picture {printable(wanted.builtin)}. Choose one of {', '.join(BUILT_IN)}."
            )
        return [built_in_source(wanted.builtin, order.longest_side)]
    if wanted.generation is not None:
        return [generated(Chosen("generation", wanted.generation, wanted.generation), workbench.generations)]
    if wanted.latents is not None:
        return _latents(_decoded(wanted.latents, name), name)
    content = _decoded(wanted.image or "", name)
    picture = load_picture(content, name=name, longest_side=order.longest_side)
    return [Source.of(picture, "picture", infotext_of(content))]


def _decoded(text: str, name: str) -> bytes:
    """The bytes of base64, with or without what precedes it in a data URI."""
    head, comma, tail = text.partition(",")
    plain = tail if comma and head.startswith("data:") else text
    if len(plain) * 3 // 4 > LARGEST:
        raise refusal(413, f"{name} is larger than {LARGEST // 10**6} MB. Send a smaller file.")
    try:
        return base64.b64decode("".join(plain.split()), validate=True)
    except (binascii.Error, ValueError):
        raise refusal(422, f"{name} is no base64. Send the file's bytes as base64.") from None


def _latents(content: bytes, name: str) -> list[Source]:
    """Latents by way of a file, which is how they are read safely."""
    from ...compare.sources.sources import load_sources

    with tempfile.TemporaryDirectory(prefix="vaewb-") as folder:
        file = Path(folder, "latents.safetensors")
        file.write_bytes(content)
        try:
            sources = load_sources([file])
        except WorkbenchError as error:
            sentence = str(error).replace(str(file), name).replace(file.name, name)
            raise refusal(422, sentence) from error
    names = [name] if len(sources) == 1 else [f"{name} {number}" for number in range(1, len(sources) + 1)]
    return [replace(it, record=replace(it.record, name=called)) for it, called in zip(sources, names, strict=True)]
