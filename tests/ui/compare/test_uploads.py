"""Files that the browser has uploaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vae_workbench.errors import InvalidInput
from vae_workbench.ui.compare import uploads as module
from vae_workbench.ui.compare.uploads import LARGEST, UPLOADED_NAME, uploaded

SCRIPT = Path(__file__).resolve().parents[3] / "javascript" / "vae_workbench_pictures.js"


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """gradio's folder, with one upload."""
    place = tmp_path / "gradio" / "token" / UPLOADED_NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(b"pixels")
    return tmp_path / "gradio"


def read(given: Any, folder: Path) -> bytes:
    with uploaded(given, folder) as path:
        return path.read_bytes()


def test_the_file_is_read_and_gone(uploads: Path) -> None:
    given = {"place": str(uploads / "token" / UPLOADED_NAME)}
    assert read(given, uploads) == b"pixels"
    assert list(uploads.iterdir()) == []
    with pytest.raises(InvalidInput, match="did not arrive"):
        read(given, uploads)


def test_no_other_file_can_be_had(uploads: Path, tmp_path: Path) -> None:
    """The place comes from the browser, and anybody may write one."""
    outside = tmp_path / "other" / UPLOADED_NAME
    outside.parent.mkdir()
    outside.write_bytes(b"secret")
    (uploads / "token" / "result.png").write_bytes(b"of somebody else")
    (uploads / "link").mkdir()
    (uploads / "link" / UPLOADED_NAME).symlink_to(outside)
    os.symlink(outside.parent, uploads / "folder")  # noqa: PTH211
    tried = (
        outside,
        uploads / "token" / "result.png",
        uploads / "token" / ".." / ".." / "other" / UPLOADED_NAME,
        uploads / "link" / UPLOADED_NAME,
        uploads / "folder" / UPLOADED_NAME,
        uploads / "token",
        "\0",
        "",
    )
    for place in tried:
        with pytest.raises(InvalidInput, match="did not arrive"):
            read({"place": str(place)}, uploads)
    assert outside.read_bytes() == b"secret" and (uploads / "token" / "result.png").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "did not arrive"),
        ({}, "did not arrive"),
        ({"place": 7}, "did not arrive"),
        ("data:image/png;base64,AAAA", "did not arrive"),
        ([1], "did not arrive"),
    ],
)
def test_what_is_no_upload_is_said(uploads: Path, given: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read(given, uploads)


def test_a_file_that_is_too_large_is_refused_and_removed(uploads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 5)
    with pytest.raises(InvalidInput, match="larger than"):
        read({"place": str(uploads / "token" / UPLOADED_NAME)}, uploads)
    assert list(uploads.iterdir()) == []


def test_the_script_agrees() -> None:
    script = SCRIPT.read_text(encoding="utf-8")
    assert f"const LARGEST = {LARGEST / 1e6:.0f}e6;" in script and f'const NAME = "{UPLOADED_NAME}";' in script
