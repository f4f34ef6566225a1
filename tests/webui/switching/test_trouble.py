"""Trouble with a file, the library, the preferences or with us keeps no checkpoint from loading, and no picture from being made.

A file name that was not UTF-8 made the library fail in every call; no checkpoint could be loaded any more, where the web UI
without this extension loads all of them.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from modules import sd_models, sd_vae, shared

from tests.webui.world import World
from vae_workbench.choice.preference_store import PreferenceStore
from vae_workbench.library.index import Index
from vae_workbench.library.library import Library
from vae_workbench.webui.choosing import choose, vae_list
from vae_workbench.webui.guarding import guard
from vae_workbench.webui.library import data_folder, library
from vae_workbench.webui.register import register, unregister
from vae_workbench.webui.switching import loaded_vae, put_weights, swap, switch, vae_hash, vae_loading

DISK = sqlite3.OperationalError("disk I/O error")
NAME = UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed")
TROUBLES = {
    "library": (Library, "collection", DISK),
    "scan": (Library, "scan", OSError(28, "No space left on device")),
    "entry": (Library, "entry", NAME),
    "among": (Library, "among", KeyError("size")),
    "index": (Index, "records", sqlite3.DatabaseError("file is not a database")),
    "preferences": (PreferenceStore, "read", PermissionError(13, "Permission denied")),
    "mirror": (choose, "mirror", RecursionError("too deep")),
    "settings": (choose, "vae_settings", AttributeError("sd_vae")),
    "list": (vae_list, "distinct_names", NAME),
    "find": (vae_list, "find", OSError(5, "Input/output error")),
    "hash": (vae_hash, "sha256", OSError(5, "Input/output error")),
    "identity": (guard, "identity_of", NAME),
    "record": (loaded_vae, "adopt", NAME),
    "names": (vae_loading, "rename_in", KeyError("size")),
}
OURS = {
    "switch": (switch, "_take", ZeroDivisionError("ours")),
    "copy": (put_weights, "copy_into", ZeroDivisionError("ours")),
    "note": (switch, "_note_state", ZeroDivisionError("ours")),
    "choice": (vae_loading, "choice_for", ZeroDivisionError("ours")),
}


@pytest.fixture
def extended(world: World) -> Iterator[World]:
    """The web UI with all of the extension in it."""
    register()
    yield world
    unregister()


def break_it(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(owner, name, broken)


@pytest.mark.parametrize("trouble", [*TROUBLES, *OURS])
def test_checkpoints_load_and_pictures_are_made(extended: World, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    world = extended
    world.load("tiny.safetensors")
    break_it(monkeypatch, *{**TROUBLES, **OURS}[trouble])
    assert world.load("tiny2.safetensors")
    assert world.vae == world.baked("tiny2.safetensors") and sd_vae.loaded_vae_file is None
    assert world.select("a.safetensors")
    assert world.vae == world.file("a.safetensors")
    assert world.load("pair.ckpt")
    assert world.vae == world.file("a.safetensors")
    world.generate()
    world.generate(sd_vae="None")
    assert world.select("None")
    assert world.vae == world.baked("pair.ckpt")
    monkeypatch.undo()
    assert world.select("b.safetensors") and world.vae == world.file("b.safetensors")
    assert world.select("Automatic") and world.vae == world.baked("pair.ckpt")


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_checkpoint_without_a_vae_loads(extended: World, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    """As the web UI itself would load it: with what was there, or with nothing."""
    extended.load("tiny.safetensors")
    break_it(monkeypatch, *TROUBLES[trouble])
    for checkpoint in ("novae.safetensors", "pairnv.ckpt", "tiny2.safetensors"):
        assert extended.load(checkpoint), checkpoint
        extended.generate()
    assert extended.vae == extended.baked("tiny2.safetensors")


def test_a_vae_beside_the_checkpoint_and_one_in_its_metadata_are_used_as_the_web_ui_would(
    extended: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = extended
    world.note("tiny2.safetensors", '{"vae": "b.safetensors"}')
    (world.vaes / "pair.vae.pt").hardlink_to(world.vaes / "c.pt")
    sd_vae.refresh_vae_list()
    break_it(monkeypatch, Library, "collection", DISK)
    logging.getLogger("vae_workbench").propagate = True
    world.load("tiny2.safetensors")
    assert world.vae == world.file("b.safetensors")
    sentence = (
        "The library failed (OperationalError: disk I/O error). The VAE is the one that the web UI itself would choose."
    )
    assert caplog.text.count(sentence) == 1
    world.load("pair.ckpt")
    assert world.vae == world.file("c.pt")
    assert sentence in switch.loaded_vae(world.model).warnings


def test_a_file_that_cannot_be_used_is_refused_without_the_library_too(
    extended: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = extended
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    break_it(monkeypatch, Library, "collection", DISK)
    for bad in ("bad wide.safetensors", "bad nan.safetensors", "bad corrupt.safetensors"):
        assert not world.select(bad)
        assert world.vae == world.file("a.safetensors")
    shared.opts.data["sd_vae"] = "bad wide.safetensors"
    assert world.load("tiny2.safetensors")
    assert world.vae == world.baked("tiny2.safetensors")
    assert "bad wide.safetensors (specified in settings) is not used" in switch.loaded_vae(world.model).warnings[1]


def test_preferences_that_cannot_be_read_keep_nothing_from_loading(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    data_folder().mkdir(exist_ok=True)
    (data_folder() / "preferences.json").mkdir()
    assert world.load("tiny.safetensors")
    assert world.vae == world.baked("tiny.safetensors")
    assert world.select("a.safetensors") and world.vae == world.file("a.safetensors")
    assert "preferences.json cannot be read" in caplog.text


def test_a_data_folder_that_cannot_be_made_keeps_nothing_from_loading(world: World, tmp_path: Path) -> None:
    for one in (library, choose.preferences):
        one.cache_clear()
    if data_folder().exists():
        data_folder().rename(tmp_path / "moved")
    data_folder().parent.mkdir(exist_ok=True)
    data_folder().write_text("a file in its place")
    assert world.load("tiny.safetensors")
    for name in ("a.safetensors", "Automatic"):
        assert world.select(name)
        world.generate()
    assert world.vae == world.baked("tiny.safetensors")


def test_a_file_that_makes_the_reader_fail_is_passed_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with one file, the others and the checkpoint's own are as good as before."""
    open_weights = swap.open_weights

    def failing(path: Any) -> Any:
        if "b.safetensors" in str(path):
            raise OverflowError("int too large")
        return open_weights(path)

    world.load("tiny.safetensors")
    monkeypatch.setattr(swap, "open_weights", failing)
    assert not world.select("b.safetensors")
    shared.opts.data["sd_vae"] = "b.safetensors"
    assert world.load("tiny2.safetensors") and world.vae == world.baked("tiny2.safetensors")
    (warning,) = switch.loaded_vae(world.model).warnings
    assert "it cannot be read: OverflowError: int too large" in warning
    assert world.select("a.safetensors")


def test_what_the_web_ui_itself_raises_is_passed_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for trouble of ours, and nothing is done twice."""
    world.load("tiny.safetensors")
    calls: list[str] = []

    def failing(info: Any, *_: object) -> None:
        calls.append(info.name)
        raise ZeroDivisionError("theirs")

    monkeypatch.setattr(sd_models, "get_checkpoint_state_dict", failing)
    assert not world.load("tiny2.safetensors")
    assert calls.count("tiny2.safetensors") == 1
