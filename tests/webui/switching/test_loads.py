"""The script file as the web UI executes it."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_script_registers_the_tab(host, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    runpy.run_path(str(ROOT / "scripts" / "vae_workbench_script.py"))
    assert [element for _pages, title, element in host.ui_tabs_callback() if title == "VAE"] == ["vaewb"]


def test_install_is_silent_where_everything_is_there() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "install.py")], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_install_says_what_is_missing() -> None:
    """A Python without site-packages has none of it."""
    done = subprocess.run([sys.executable, "-I", "-S", str(ROOT / "install.py")], capture_output=True, text=True)
    assert done.returncode == 0
    assert "needs torch, numpy, safetensors, scikit-image" in done.stdout and done.stdout.count("\n") == 1
