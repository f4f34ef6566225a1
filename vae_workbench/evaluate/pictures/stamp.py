"""Whether a picture's file is still the one that was measured."""

from __future__ import annotations

import hashlib
import os

GONE = 1
"""In place of the stamp of a file that is not there. 0 is none: nothing is known of the file."""


def stamp(path: str | os.PathLike[str]) -> int:
    """64 bits that tell a file from what it was before, by its size and when it was written."""
    try:
        found = os.stat(path)  # noqa: PTH116  # a million of them
    except (OSError, ValueError):
        return GONE
    digest = hashlib.blake2b(f"{found.st_size} {found.st_mtime_ns}".encode(), digest_size=8).digest()
    return max(GONE + 1, int.from_bytes(digest, "big"))
