"""The standalone app in a process of its own, for tests that drive its pages."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from tests.server_process import Server, free_port, serving

ROOT = Path(__file__).resolve().parents[2]


def serving_app(folder: Path, own: Path, *, data: Path | None = None) -> AbstractContextManager[Server]:
    """The app with the demo VAEs and the files in ``own``; what it keeps goes into ``data``, or else into ``folder``."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "vae_workbench.standalone",
        "--no-browser",
        "--no-demo",
        "--port",
        str(port),
        "--folder",
        str(own),
    ]
    kept = str(data or folder / "data")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VAEWB_DATA": kept, "TMPDIR": str(folder)}
    return serving(command, port, folder / "log.txt", cwd=folder, env=environment, ready="VAE Workbench is at")
