"""The sha256 of files, by which published VAEs are known."""

from __future__ import annotations

import hashlib
import os

from ..errors import FileProblem
from ..progress import Progress, silent
from ..weights.source import Source

CHUNK = 4 << 20
"""Bytes hashed between two calls of the progress."""

SMALL = 16_000_000
"""Bytes up to which a VAE is hashed as soon as it is seen: a tiny autoencoder has 2 to 10 MB, and nothing but its sha256 tells
for which latent space it is."""


def sha256_of(path: str | os.PathLike[str], progress: Progress = silent) -> str:
    """The sha256 of a whole file in hexadecimal.

    Raises:
        UnreadableFile: it is missing, or the system refuses to read it.
        Cancelled: ``progress`` raised it.
    """
    digest = hashlib.sha256()
    with Source(path) as source:
        for start in range(0, source.size, CHUNK):
            progress(start / source.size, f"Hashing {source.name}")
            digest.update(source.read(start, min(CHUNK, source.size - start)))
        source.check_unchanged()
    return digest.hexdigest()


def sha256_of_small(path: str | os.PathLike[str], size: int) -> str | None:
    """The same for a file of few bytes; ``None`` for a larger one and one that cannot be read."""
    if size > SMALL:
        return None
    try:
        return sha256_of(path)
    except FileProblem:
        return None
