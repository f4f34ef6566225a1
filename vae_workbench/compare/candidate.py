"""A VAE file as a choice."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A VAE file to be compared, under the name that people see."""

    name: str
    path: str | os.PathLike[str]
