"""Where the library keeps what it knows."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from .library import Library

APP = "vae-workbench"


def data_folder() -> Path:
    """The folder for this user's data: ``VAEWB_DATA`` if set, else where the system keeps such things."""
    if chosen := os.environ.get("VAEWB_DATA"):
        return Path(chosen)
    home = _home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / APP
    if sys.platform == "darwin":
        return home / "Library/Application Support" / APP
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share") / APP


def _home() -> Path:
    """The user's home; the folder for temporary files where the system knows none, as for a bare user id in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


def library_in(folder: Path) -> Library:
    """The library whose index and names lie in this folder; nothing is made before it is used."""
    return Library(folder / "library.sqlite", folder / "names.json")
