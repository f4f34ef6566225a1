"""``pip install .``: the terminal as a command of its own, with what it needs from beside the package."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling import build
from PIL import Image

from tests.small_vaes import save_small_kl

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked where nothing of the repository is near."""
    folder = tmp_path_factory.mktemp("installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        wheel = build.build_wheel(str(folder))
    with zipfile.ZipFile(folder / wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """The command, as the script that pip writes calls it."""
    script = folder / "vae-workbench"
    script.write_text("import sys\nfrom vae_workbench.cli.main import main\nsys.exit(main())\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(installed), "VAEWB_DATA": str(folder / "data")}
    done = subprocess.run(
        [sys.executable, str(script), *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_is_declared(installed: Path) -> None:
    (points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "vae-workbench = vae_workbench.cli.main:main" in points.read_text(encoding="utf-8")


def test_it_calls_itself_as_it_was_called(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "--help").startswith("usage: vae-workbench ")


def test_a_report_has_the_whole_viewer(installed: Path, tmp_path: Path) -> None:
    vae = save_small_kl(tmp_path / "a.safetensors")
    Image.new("RGB", (16, 16), "teal").save(tmp_path / "p.png")
    run(installed, tmp_path, "compare", "p.png", "--vae", str(vae), "--out", "out", "--html", "out.html")
    assert "customElements.define" in (tmp_path / "out.html").read_text(encoding="utf-8")
