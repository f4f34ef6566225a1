"""A VAE file as a choice."""

from __future__ import annotations

import os

from ...identity.verdict import Verdict
from ...lazy_dataclass import dataclass


@dataclass(frozen=True)
class Candidate:
    """A VAE file to be compared.

    Attributes:
        name: that people see; printable, and no other candidate's.
        path: the file.
        verdict: what it is, if the caller knows; otherwise a comparison looks at the file.
    """

    name: str
    path: str | os.PathLike[str]
    verdict: Verdict | None = None
