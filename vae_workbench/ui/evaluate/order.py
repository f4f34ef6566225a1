"""What a person wants to be evaluated, as it is kept with the results, so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...lazy_dataclass import dataclass
from ...printable import printable

if TYPE_CHECKING:
    from ...evaluate.job import Job, Precision
    from ...evaluate.pictures.crop import Crop

Named = tuple[str, str]
"""A VAE: its name and the path of its file."""


@dataclass(frozen=True)
class Order:
    """An evaluation as it was asked for.

    Attributes:
        pictures: what the folder of pictures is called.
        folder: its path.
        vaes: to be evaluated.
        encoder: the VAE that encodes for all; ``None``: each its own.
        size: pixels of each side.
        crop: what is taken of each picture.
        sample: how many pictures are drawn at random; ``None``: all.
        precisions: in which each VAE is run.
    """

    pictures: str
    folder: str
    vaes: tuple[Named, ...]
    encoder: Named | None
    size: int
    crop: Crop
    sample: int | None
    precisions: tuple[Precision, ...]

    @property
    def title(self) -> str:
        """For people, in a line."""
        names = ", ".join(name for name, _ in self.vaes[:2])
        more = f" + {len(self.vaes) - 2}" if len(self.vaes) > 2 else ""
        precisions = "" if self.precisions == ("fp32",) else f", {' '.join(self.precisions)}"
        return printable(f"{names}{more} on {self.pictures}, {self.size}×{self.size}{precisions}")

    def job(self, device: torch.device) -> Job:
        """What the evaluation is made of."""
        from ...compare.decoding.candidate import Candidate
        from ...evaluate.job import Job
        from ...evaluate.measuring.lpips import is_installed

        def candidate(named: Named) -> Candidate:
            return Candidate(named[0], Path(named[1]))

        return Job(
            "",
            tuple(map(candidate, self.vaes)),
            candidate(self.encoder) if self.encoder else None,
            precisions=self.precisions,
            size=self.size,
            crop=self.crop,
            device=str(device),
            lpips=is_installed(),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Order:
        """What :meth:`to_json` gave.

        Raises:
            TypeError, ValueError, KeyError: it is something else.
        """
        encoder = told["encoder"]
        given = {
            **told,
            "vaes": tuple((str(name), str(path)) for name, path in told["vaes"]),
            "encoder": encoder and (str(encoder[0]), str(encoder[1])),
            "precisions": tuple(told["precisions"]),
        }
        return cls(**given)
