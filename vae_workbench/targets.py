"""Files and folders that are to be written: looked at before the work is done that they are to hold, and written whole."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from .errors import TargetExists, UnwritableTarget


def check_file_target(path: Path, *, overwrite: bool = False, option: str = "--overwrite") -> None:
    """Whether a file can be written there, as far as that can be told without writing.

    Args:
        path: of the file.
        overwrite: whether it may be there already.
        option: of the command, by which that is allowed.

    Raises:
        TargetExists: it is there, and ``overwrite`` is not set.
        UnwritableTarget: it is a folder, or its folder is not there or may not be written to.
    """
    if path.is_dir():
        raise UnwritableTarget(path, f"{path} is a folder", "Name a file")
    if os.path.lexists(path) and not overwrite:
        raise TargetExists(path, f"{path} already exists", f"Name another file, or use {option}")
    if not path.parent.is_dir():
        raise UnwritableTarget(
            path, f"The folder {path.parent} is not there", "Make it, or name a file in another folder"
        )
    _check_access(path, path.parent)


def check_folder_target(path: Path) -> None:
    """Whether files can be written into a folder, which need not exist, as far as that can be told without writing.

    Raises:
        UnwritableTarget: it or one of its parents is a file, or the system will refuse.
    """
    nearest = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise UnwritableTarget(path, f"{nearest} is no folder", "Choose another folder")
    _check_access(path, nearest)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file by way of a temporary one beside it; whoever looks sees the old content or the new.

    Raises:
        UnwritableTarget: the system refuses; nothing has changed.
    """
    write_whole_from(path, [content])


def write_whole_from(path: Path, pieces: Iterable[bytes]) -> None:
    """The same, of pieces that need not be in memory together. What they raise is passed on, and nothing has changed.

    Raises:
        UnwritableTarget: the system refuses; nothing has changed.
    """
    temporary = path.with_name(f".vaewb-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("wb") as file:
            file.writelines(pieces)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _check_access(path: Path, folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, f"the system does not let you write into {folder}")


def _unwritable(path: Path, why: str) -> UnwritableTarget:
    return UnwritableTarget(path, f"{path} cannot be written: {why}", "Choose a place that you may write to")
