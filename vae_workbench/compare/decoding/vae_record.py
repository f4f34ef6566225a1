"""A chosen VAE as the comparison's folder keeps it."""

from __future__ import annotations

import os
from pathlib import Path

from ..folder.folder import VaeRecord, content_id
from ..measuring.suspicions import badge, of_vae
from .candidate import Candidate


def vae_record(candidate: Candidate, known_as: str | None = None) -> VaeRecord:
    """A VAE as the folder keeps it. Its id is of the file and its state, which costs no reading of the weights."""
    path, verdict = os.fspath(candidate.path), candidate.verdict
    try:
        status = Path(path).stat()
        state = f"{status.st_size} {status.st_mtime_ns}"
    except OSError:  # its cells will say so
        state = ""
    key = content_id(os.fsencode(os.path.realpath(path)), state)
    known = known_as or (verdict.known_as if verdict else None)
    return VaeRecord(key, candidate.name, known, path, badge(verdict), of_vae(verdict, {}))
