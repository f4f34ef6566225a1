"""Files on their way from a browser: gradio's own route takes them, and each is fetched from there once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import InvalidInput

LARGEST = 200_000_000
"""Bytes of a file. ``javascript/vae_workbench_pictures.js`` knows the same number."""

UPLOADED_NAME = "vaewb-picture"
"""What that script calls the files that it uploads."""


@contextlib.contextmanager
def uploaded(given: Any, folder: Path) -> Iterator[Path]:
    """The file that was uploaded, for as long as it is read; it is removed then.

    Args:
        given: what the script says of it: ``place``.
        folder: where gradio puts uploaded files, each in a folder of its own. No other file is read.

    Raises:
        InvalidInput: it did not arrive, or is too large.
    """
    place = given.get("place") if isinstance(given, Mapping) else None
    path = _inside(Path(str(place)), folder) if place else None
    if path is None:
        raise InvalidInput("The file did not arrive", "Choose it again")
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidInput(f"The file is larger than {LARGEST // 10**6} MB", "Choose a smaller one")
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()


def _inside(path: Path, folder: Path) -> Path | None:
    """The path if it is an upload of the script's own."""
    try:
        is_own = path.name == UPLOADED_NAME and path.resolve().parent.parent == folder.resolve() and path.is_file()
    except (OSError, ValueError):
        return None
    return path if is_own else None
