"""Where the standalone app keeps and finds files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..compare.candidate import Candidate

# What VAEs are published as.
ENDINGS = (".safetensors", ".pt", ".ckpt", ".bin", ".pth")
APP = "vae-workbench"


def data_folder() -> Path:
    """The folder for this user's data: ``VAEWB_DATA`` if set, else where the system keeps such things."""
    if chosen := os.environ.get("VAEWB_DATA"):
        return Path(chosen)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / APP
    if sys.platform == "darwin":
        return home / "Library/Application Support" / APP
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share") / APP


def list_vaes(folders: Iterable[Path]) -> Sequence[Candidate]:
    """Every VAE file below the folders, named by its path inside its folder; names that clash get the folder's in front."""
    candidates: dict[str, Candidate] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*"), key=lambda p: str(p).lower()):
            if path.suffix.lower() not in ENDINGS or not path.is_file():
                continue
            name = path.relative_to(folder).as_posix()
            if name in candidates:
                name = f"{folder.name}/{name}"
            if name in candidates:
                name = str(path)
            candidates[name] = Candidate(name, path)
    return list(candidates.values())
