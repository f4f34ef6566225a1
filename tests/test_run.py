"""``run.py`` on a fresh machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run

ROOT = Path(run.ROOT)


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(folder / "run.py"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "CI": "true", "PIP_RETRIES": "0", **environment},
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of run.py that needs nothing, in a folder with a space and an umlaut."""
    folder = tmp_path / "a földer"
    folder.mkdir()
    shutil.copy(ROOT / "run.py", folder)
    for name in ("requirements.txt", "requirements-test.txt", "constraints.txt"):
        (folder / name).write_text("# nothing\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", ["app", "bench", "setup"])
def test_help_is_given_before_anything_is_installed(copy: Path, command: str) -> None:
    told = start(copy, command, "--help", PIP_NO_INDEX="1")
    assert told.returncode == 0 and "--folder DIR" in told.stdout and not (copy / ".venv").exists()


def test_set_up_once_then_nothing_to_do(copy: Path) -> None:
    first = start(copy, "setup", PIP_NO_INDEX="1")
    assert first.returncode == 0, first.stderr
    assert "Setting up" in first.stdout
    again = start(copy, "setup", PIP_NO_INDEX="1")
    assert (again.returncode, again.stdout) == (0, "")
    (copy / "constraints.txt").write_text("# changed\n", encoding="utf-8")
    assert "Setting up" in start(copy, "setup", PIP_NO_INDEX="1").stdout


def test_without_a_network_there_is_one_sentence_and_another_try(copy: Path) -> None:
    (copy / "requirements.txt").write_text("no-such-package-anywhere==1.0\n", encoding="utf-8")
    for _ in range(2):
        failed = start(copy, "setup", PIP_NO_INDEX="1")
        assert failed.returncode == 1
        assert "The packages could not be installed" in failed.stderr and "Traceback" not in failed.stderr


def test_a_folder_that_cannot_be_written(copy: Path) -> None:
    (copy / ".venv").write_text("in the way", encoding="utf-8")
    failed = start(copy, "setup")
    assert failed.returncode == 1
    assert "cannot be written" in failed.stderr and "Traceback" not in failed.stderr


@pytest.mark.parametrize("version", [(2, 7), (3, 9), (3, 13)])
def test_a_wrong_python(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run.sys, "version_info", (*version, 0))
    assert run.main(["app"]) == 1
    assert f"Python {version[0]}.{version[1]}" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--help"], 0), (["dance"], 2)])
def test_help(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(arguments) == code
    assert "python run.py app" in capsys.readouterr().out
