"""A real web UI, installed at ``VAEWB_WEBUI``; without it these tests are skipped.

``VAEWB_WEBUI_PYTHON`` names its Python (default: the ``venv`` in its folder), which needs pytest as well.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server_process import Server, free_port, serving

ROOT = Path(__file__).resolve().parents[2]
NAME = "sd-webui-vae-workbench"
FLAGS = [
    "--skip-prepare-environment", "--skip-torch-cuda-test", "--skip-version-check", "--use-cpu", "all",
    "--no-download-sd-model", "--do-not-download-clip", "--api", "--server-name", "127.0.0.1",
]  # fmt: skip
ENVIRONMENT = {
    "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "no_proxy": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class WebUI:
    """The installed web UI, with the extension in it."""

    root: Path
    python: Path
    scratch: Path

    @property
    def config(self) -> Path:
        return self.scratch / "config.json"

    @property
    def ui_config(self) -> Path:
        return self.scratch / "ui-config.json"

    def serve(self, *flags: str, half: bool = False) -> AbstractContextManager[Server]:
        """Starts it with its settings in the scratch folder; with ``half``, everything in fp16."""
        port = free_port()
        settings = [
            "--ui-settings-file",
            str(self.config),
            "--ui-config-file",
            str(self.ui_config),
            "--port",
            str(port),
        ]
        numbers = ["--precision", "half"] if half else ["--no-half"]
        command = [str(self.python), "launch.py", *FLAGS, *numbers, *settings, *flags]
        log = self.scratch / f"log-{port}.txt"
        return serving(command, port, log, cwd=self.root, env={**os.environ, **ENVIRONMENT}, ready="Startup time:")


def data_folder(root: Path, folder: Path, *, checkpoints: Sequence[str] = ("tiny",), extended: bool = True) -> Path:
    """A data folder of its own for the web UI in ``root``, which remembers nothing of others: with copies of the tiny
    checkpoints, and with this extension unless it is not ``extended``."""
    here, there = root / "models" / "Stable-diffusion", folder / "models" / "Stable-diffusion"
    there.mkdir(parents=True)
    for name in checkpoints:
        for ending in (".safetensors", ".yaml"):
            shutil.copy(here / f"{name}{ending}", there)
    (folder / "extensions").mkdir()
    if extended:
        (folder / "extensions" / NAME).symlink_to(ROOT, target_is_directory=True)
    (folder / "repositories").symlink_to(root / "repositories", target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def webui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUI]:
    """The web UI with this repository linked into ``extensions/`` for the time of the tests."""
    folder = os.environ.get("VAEWB_WEBUI")
    if not folder:
        pytest.skip("VAEWB_WEBUI names no installed web UI: nothing was tried in a real one")
    root = Path(folder)
    python = Path(os.environ.get("VAEWB_WEBUI_PYTHON") or shutil.which("python", path=str(root / "venv/bin")) or "")
    scratch = tmp_path_factory.mktemp("webui")
    (scratch / "config.json").write_text(json.dumps({"show_progress_type": "Approx cheap"}))
    link = root / "extensions" / NAME
    made = not link.exists()
    if made:
        link.symlink_to(ROOT, target_is_directory=True)
    yield WebUI(root, python, scratch)
    if made:
        link.unlink()


@pytest.fixture(scope="session")
def running(webui: WebUI, demo_folder: Path) -> Iterator[Server]:
    """The web UI at work, with the demo VAEs among its VAE files."""
    with webui.serve("--vae-dir", str(demo_folder)) as server:
        yield server


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo VAEs, as somebody might have put them among their own."""
    from vae_workbench.standalone.demo_files import demo_vaes

    folder = tmp_path_factory.mktemp("vaes")
    for path in demo_vaes(folder):
        if path.parent != folder:
            shutil.copy(path, folder)
    return folder
