"""The ``modules`` under test: the double, or a real web UI when ``VAEWB_REAL_HOST`` names its folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webui.world import World, clean_host, make_checkpoints, make_vaes, opened

DOUBLE = Path(__file__).parent / "double"
REAL = os.environ.get("VAEWB_REAL_HOST")


def pytest_configure() -> None:
    if not REAL:
        sys.path.insert(0, str(DOUBLE))
        return
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its pickled checkpoints hold more than weights
    os.chdir(REAL)
    sys.path.insert(0, REAL)
    sys.argv = [
        "webui.py",
        "--use-cpu",
        "all",
        "--no-half",
        "--skip-torch-cuda-test",
        "--do-not-download-clip",
        "--no-download-sd-model",
    ]
    from modules import initialize

    initialize.imports()
    from modules import initialize_util, script_callbacks, sd_hijack, sd_hijack_optimizations, sd_samplers, sd_unet

    initialize_util.fix_torch_version()
    sd_samplers.set_samplers()
    script_callbacks.on_list_optimizers(sd_hijack_optimizations.list_optimizers)
    sd_hijack.list_optimizers()
    sd_unet.list_unets()


@pytest.fixture
def host() -> Iterator[object]:
    """A clean ``modules.script_callbacks``; options and VAE folder are put back afterwards."""
    with clean_host() as script_callbacks:
        yield script_callbacks


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """VAE files, and the double's checkpoints."""
    vaes, checkpoints = tmp_path_factory.mktemp("vaes"), tmp_path_factory.mktemp("checkpoints")
    return make_vaes(vaes), checkpoints if REAL else make_checkpoints(checkpoints)


@pytest.fixture
def world(host: object, made: tuple[Path, Path], tmp_path: Path) -> Iterator[World]:
    """A web UI with checkpoints and VAEs; the files may be changed."""
    folders = [tmp_path / "vaes", tmp_path / "checkpoints"]
    for source, folder in zip(made, folders, strict=True):
        folder.mkdir()
        for file in source.iterdir():
            (folder / file.name).hardlink_to(file)
    with opened(folders[0], None if REAL else folders[1]) as web_ui:
        yield web_ui
