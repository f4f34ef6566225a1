"""The VAE that the web UI's own metadata name for a checkpoint: key ``vae`` of the JSON file beside it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from ..errors import DamagedFile, UnreadableFile, UnwritableTarget
from ..printable import printable
from ..stored import to_utf8

KEY = "vae"
AUTOMATIC = "Automatic"
"""What the web UI writes, and an empty text too, when no VAE is preferred. The checkpoint's own is ``None``, as a text."""


def metadata_path(checkpoint: str | os.PathLike[str]) -> Path:
    """The file beside a checkpoint; checkpoints that differ only in their ending share it."""
    return Path(checkpoint).with_suffix(".json")


def read_vae(path: Path) -> str | None:
    """The VAE that a metadata file names, :data:`AUTOMATIC` if it says that none is preferred, ``None`` if it says nothing.

    Raises:
        DamagedFile: it is not a JSON object; the web UI cannot load the checkpoint then (v1.10.1).
        UnreadableFile: the system refuses.
    """
    content = _read(path)
    if content is None or KEY not in content:
        return None
    name = content[KEY]
    return name if isinstance(name, str) and name else AUTOMATIC


def write_vae(path: Path, name: str) -> None:
    """Lets a metadata file name this VAE; :data:`AUTOMATIC` takes the name away. Everything else in it stays as it is; a file
    in which nothing else is goes, unless it is a link.

    Raises:
        DamagedFile: it is not a JSON object; it is left alone.
        UnreadableFile: the system refuses.
        UnwritableTarget: the system refuses; the file is as before.
    """
    content = _read(path)
    if name == AUTOMATIC:
        if content is None or KEY not in content:
            return
        del content[KEY]
    else:
        content = {**(content or {}), KEY: name}
    try:
        if content or path.is_symlink():
            _write(Path(os.path.realpath(path)), content)  # a link stays a link
        else:
            path.unlink()
    except OSError as error:
        raise UnwritableTarget(
            path,
            f"{printable(str(path))} cannot be written: {error.strerror or error}",
            "Check that its folder may be written to",
        ) from error


def _write(target: Path, content: dict[str, Any]) -> None:
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(to_utf8(json.dumps(content, indent=4, ensure_ascii=False)))  # as the web UI does
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableFile(
            path, f"{printable(str(path))} cannot be read: {error.strerror or error}", "Check that you may read it"
        ) from error
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DamagedFile(
            path, f"{printable(str(path))} is not a JSON object and was left alone", "Repair it or move it away"
        )
    return content
