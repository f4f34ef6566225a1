"""What is to be evaluated and how: all that whoever works on a part of it has to know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import torch

from ..autoencoder.latent_space import LATENT_SPACES
from ..compare.decoding.candidate import Candidate
from ..compare.decoding.cells import vae_record
from ..compare.decoding.settings import Settings
from .pictures.crop import Crop

Precision = Literal["fp32", "bf16", "fp16"]

Line = dict[str, Any]
"""What is known of a picture: ``picture`` (its number), ``file`` (:func:`.pictures.stamp.stamp`), ``vae`` (its number),
``precision`` and the measures; or ``error`` in place of the measures. Without a ``vae``, the picture could not be read, or
was ``changed``: then what was known of it before no longer counts."""

PIXELS_PER_BATCH = {"cpu": 1 << 18}
"""Of a batch. A full-size decoder holds four maps of 128 channels at full resolution, 2 GB a megapixel in fp32."""

PIXELS_PER_BATCH_ELSEWHERE = 1 << 20

LARGEST_BATCH = 64


@dataclass(frozen=True)
class Job:
    """An evaluation.

    Every number that comes of it depends on this and on the files alone: not on who computes it, and beside what.

    Attributes:
        root: folder that the names of the pictures are relative to.
        vaes: to be evaluated.
        encoder: the VAE whose latents all of them decode; ``None``: each its own.
        precisions: in which each VAE is run.
        size: pixels of each side of what is taken of a picture.
        crop: what is taken of it.
        seed: of what is drawn at random.
        batch: pictures that a network gets at once.
        device: where the networks run.
        latent_space: of the encoder, where its file does not tell.
        lpips: whether LPIPS is measured too.
    """

    root: str
    vaes: tuple[Candidate, ...]
    encoder: Candidate | None = None
    precisions: tuple[Precision, ...] = ("fp32",)
    size: int = 256
    crop: Crop = "center"
    seed: int = 0
    batch: int = 4
    device: str = "cpu"
    latent_space: str | None = None
    lpips: bool = False

    @property
    def columns(self) -> list[Column]:
        """Each VAE in each precision."""
        return [Column(vae, precision) for vae in range(len(self.vaes)) for precision in self.precisions]

    def title(self, column: Column) -> str:
        """What to call it: the VAE, and the precision where there are several."""
        name = self.vaes[column.vae].name
        return f"{name} · {column.precision}" if len(self.precisions) > 1 else name

    def path(self, name: str) -> str:
        """Of a picture."""
        return os.path.join(self.root, name)  # noqa: PTH118  # a million of them

    def settings(self, precision: Precision) -> Settings:
        """How the networks are run."""
        return Settings(torch.device(self.device), precision, LATENT_SPACES.get(self.latent_space or ""))

    def to_json(self) -> dict[str, Any]:
        """What decides on the numbers."""
        return {
            "root": self.root,
            "vaes": [{"name": vae.name, "id": vae_record(vae).id} for vae in self.vaes],
            "encoder": self.encoder and {"name": self.encoder.name, "id": vae_record(self.encoder).id},
            "precisions": list(self.precisions),
            "size": self.size,
            "crop": self.crop,
            "seed": self.seed,
            "batch": self.batch,
            "device": torch.device(self.device).type,
            "latent_space": self.latent_space,
            "lpips": self.lpips,
        }


@dataclass(frozen=True)
class Column:
    """A VAE in a precision.

    Attributes:
        vae: its number among the job's.
        precision: a key of :data:`..compare.decoding.settings.DTYPES`.
    """

    vae: int
    precision: Precision


@dataclass(frozen=True)
class Batch:
    """Pictures that are worked on together.

    Attributes:
        first: number of the first.
        names: relative to the job's root.
        columns: what is to be computed of them.
        stamps: of their files, before they are read.
    """

    first: int
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    stamps: tuple[int, ...]


def batch_size(size: int, device: str) -> int:
    """Pictures of ``size``² that are given to a network at once."""
    pixels = PIXELS_PER_BATCH.get(torch.device(device).type, PIXELS_PER_BATCH_ELSEWHERE)
    return max(1, min(LARGEST_BATCH, pixels // size**2))
