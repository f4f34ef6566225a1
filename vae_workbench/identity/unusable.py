"""Why a file cannot be run here, in the words of what it is."""

from __future__ import annotations

import os

from ..errors import UnknownArchitecture
from .examine import examine


def unusable(path: str | os.PathLike[str], name: str, error: UnknownArchitecture) -> UnknownArchitecture:
    """The error of building a network, with what identity knows of the file in place of what the builder missed in it.

    Args:
        path: the file.
        name: what to call it.
        error: as the builder raised it.
    """
    found = examine(path)
    if not found.reasons:
        return error
    cannot = "cannot be run here" if found.kind in ("vae", "checkpoint") else "cannot be used"
    remedy = "Choose another copy of it" if found.kind == "broken" else "Choose a KL VAE or a TAESD"
    return UnknownArchitecture(f"{name} {cannot}: {found.reasons[0]}", remedy)
