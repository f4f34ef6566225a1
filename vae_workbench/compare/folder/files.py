"""The files of a comparison's folder: each is written whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

from ...errors import UnwritableTarget
from .records import Cell, content_id

UNFINISHED = ".*.part"
"""Names of files that are being written, or that a process which was killed left behind."""


def make_folder(path: Path) -> None:
    """Makes a folder that may be there already.

    Raises:
        UnwritableTarget: the system refuses.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableTarget(
            path,
            f"{path} cannot be made: {error.strerror or error}",
            "Choose a folder that you may write to",
        ) from error


def write_file(folder: Path, name: str, write: Callable[[Path], object]) -> None:
    """Has a file of a folder written, and leaves nothing behind when that is interrupted.

    Raises:
        UnwritableTarget: the system refuses.
    """
    temporary = folder / f".{name}-{secrets.token_hex(4)}.part"
    try:
        write(temporary)
        temporary.replace(folder / name)
    except OSError as error:
        raise UnwritableTarget(
            folder,
            f"{folder} cannot be written: {error.strerror or error}",
            "Check that the folder is there, that it may be written to and that there is space",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Removes what a process that was killed had begun to write. Only for who holds the folder."""
    for path in folder.glob(UNFINISHED):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def image_name(cell: Cell) -> str:
    """Of a cell's picture: another for other settings, so that no browser takes a picture that it has for the new one."""
    settings = f"-{content_id(cell.made_with)[:6]}" if cell.made_with else ""
    return f"cell-{cell.source}-{cell.vae}{settings}.png"
