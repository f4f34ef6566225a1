"""The web UI's own metadata beside a checkpoint."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from vae_workbench.choice.user_metadata import AUTOMATIC, metadata_path, read_vae, write_vae
from vae_workbench.errors import DamagedFile, UnreadableFile, UnwritableTarget

OTHERS = {"description": "日本語", "sd version": "SD1", "preferred weight": 0.75, "nested": {"a": [1, None, 1e-30]}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.v1.json"


def test_it_lies_beside_the_checkpoint_under_its_stem(tmp_path: Path) -> None:
    assert metadata_path(tmp_path / "model.v1.safetensors") == tmp_path / "model.v1.json"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, None),
        ({"vae": ""}, AUTOMATIC),
        ({"vae": "Automatic"}, AUTOMATIC),
        ({"vae": None}, AUTOMATIC),
        ({"vae": ["a"]}, AUTOMATIC),
        ({"vae": "None"}, "None"),
        ({"vae": "orange.pt"}, "orange.pt"),
    ],
)
def test_what_it_says(path: Path, content: dict[str, object], said: str | None) -> None:
    assert read_vae(path) is None, "there is no file"
    path.write_text(json.dumps(OTHERS | content), encoding="utf-8")
    assert read_vae(path) == said


def test_other_keys_stay_as_they_are(path: Path) -> None:
    path.write_text(json.dumps(OTHERS), encoding="utf-8")
    write_vae(path, "ü.pt")
    assert json.loads(path.read_text(encoding="utf-8")) == {**OTHERS, "vae": "ü.pt"}
    write_vae(path, "None")
    assert read_vae(path) == "None"
    write_vae(path, AUTOMATIC)
    assert json.loads(path.read_text(encoding="utf-8")) == OTHERS
    assert list(path.parent.iterdir()) == [path]


def test_nothing_is_written_where_nothing_is_to_be_said(path: Path) -> None:
    write_vae(path, AUTOMATIC)
    assert not path.exists()
    path.write_text('{"a":1}')
    write_vae(path, AUTOMATIC)
    assert path.read_text() == '{"a":1}'


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe{}", b'"vae"', b"[" * 100_000])
def test_what_is_no_json_object_is_left_alone_and_told(path: Path, content: bytes) -> None:
    """The host cannot load the checkpoint then (D31)."""
    path.write_bytes(content)
    for call in (lambda: read_vae(path), lambda: write_vae(path, "a.pt"), lambda: write_vae(path, AUTOMATIC)):
        with pytest.raises(DamagedFile, match="not a JSON object and was left alone"):
            call()
    assert path.read_bytes() == content


def test_a_folder_in_its_place_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_vae(path)


def test_where_nothing_can_be_written_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gone" / "model.json"
    with pytest.raises(UnwritableTarget, match="cannot be written"):
        write_vae(path, "a.pt")
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "model.json"
    path.write_text('{"a": 1}')

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UnwritableTarget, match="No space left"):
        write_vae(path, "a.pt")
    assert path.read_text() == '{"a": 1}' and list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "model.json"
    real.write_text("{}")
    link.symlink_to(real)
    write_vae(link, "a.pt")
    assert link.is_symlink() and read_vae(real) == "a.pt"


def test_a_file_that_says_nothing_more_goes(path: Path) -> None:
    """Setting and clearing a VAE left ``{}`` beside every checkpoint."""
    write_vae(path, "a.pt")
    assert read_vae(path) == "a.pt"
    write_vae(path, AUTOMATIC)
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_a_file_that_says_nothing_more_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "model.json"
    real.write_text('{"vae": "a.pt"}')
    link.symlink_to(real)
    write_vae(link, AUTOMATIC)
    assert link.is_symlink() and json.loads(real.read_text()) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have names of text only")
def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    path = metadata_path(os.fsdecode(os.fsencode(tmp_path) + b"/latin-\xe9.safetensors"))
    path.write_text('{"notes": "\\udce9"}')
    write_vae(path, "vae-\udce9.pt")
    assert read_vae(path) == "vae-\udce9.pt" and json.loads(path.read_bytes())["notes"] == "\udce9"
    path.write_text("[]")
    with pytest.raises(DamagedFile, match=r"latin-\\xe9.json is not a JSON object"):
        read_vae(path)
