"""The ``modules`` under test: the double, or a real web UI when ``VAEWB_REAL_HOST`` names its folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOUBLE = Path(__file__).parent / "double"
REAL = os.environ.get("VAEWB_REAL_HOST")


def pytest_configure() -> None:
    if not REAL:
        sys.path.insert(0, str(DOUBLE))
        return
    os.chdir(REAL)
    sys.path.insert(0, REAL)
    sys.argv = ["webui.py", "--use-cpu", "all", "--no-half", "--skip-torch-cuda-test"]
    from modules import initialize

    initialize.imports()


@pytest.fixture
def host() -> Iterator[object]:
    """A clean ``modules.script_callbacks``; options and VAE folder are put back afterwards."""
    from modules import script_callbacks, shared

    before, folder = dict(shared.opts.data), shared.cmd_opts.vae_dir
    script_callbacks.clear_callbacks()
    yield script_callbacks
    script_callbacks.script_unloaded_callback()
    script_callbacks.clear_callbacks()
    shared.opts.data.clear()
    shared.opts.data.update(before)
    shared.cmd_opts.vae_dir = folder
