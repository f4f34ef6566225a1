"""The library of the web UI's own folders."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from modules import sd_models, shared

from tests.small_vaes import save_small_kl
from vae_workbench.identity import hashes
from vae_workbench.library.places import library_in
from vae_workbench.webui import library as module
from vae_workbench.webui.library import BackgroundScan, data_folder, folders, library
from vae_workbench.webui.register import register


@pytest.fixture
def baked(host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's with one VAE in it, and a library of its own, while no picture is made: the real web UI keeps the
    number of a job's pictures where a test made some without a job."""
    monkeypatch.setattr(shared.state, "job_count", 0)
    folder = tmp_path / "own"
    folder.mkdir()
    save_small_kl(folder / "zz.safetensors")
    monkeypatch.setattr(hashes, "SMALL", 0)  # so that it is not hashed by the scan
    kept = library_in(tmp_path / "data")
    monkeypatch.setattr(module, "library", lambda: kept)
    monkeypatch.setattr(module, "folders", lambda: [folder])
    monkeypatch.setattr(module, "QUIET", 0.0)
    yield folder


def wait_for(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def test_the_web_uis_folders_and_those_of_its_options(host, tmp_path: Path) -> None:
    shared.cmd_opts.vae_dir = str(tmp_path)
    before = shared.cmd_opts.ckpt_dir
    shared.cmd_opts.ckpt_dir = str(tmp_path / "missing")
    try:
        assert tmp_path in folders() and tmp_path / "missing" not in folders()
        assert len(folders()) == len(set(folders()))
    finally:
        shared.cmd_opts.ckpt_dir = before
    assert data_folder().parent.name == "models" and library() is library()


def test_the_folders_are_scanned_and_hashed_in_the_background(baked: Path) -> None:
    upkeep = BackgroundScan()
    upkeep.start()
    wait_for(lambda: (entry := module.library().collection().by_name("zz.safetensors")) and entry.sha256)
    upkeep.stop()


def test_nothing_is_hashed_while_a_picture_is_made(baked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.01)
    monkeypatch.setattr(hashes, "SMALL", 0)  # small VAEs are hashed as soon as they are seen
    shared.state.job, upkeep = "task(1)", BackgroundScan()
    try:
        upkeep.start()
        wait_for(lambda: module.library().report)
        time.sleep(0.1)
        assert module.library().unhashed()
        shared.state.job = ""
        wait_for(lambda: not module.library().unhashed())
    finally:
        shared.state.job = ""
        upkeep.stop()


@pytest.mark.parametrize("busy", ["a picture", "the first checkpoint"])
def test_nothing_is_scanned_before_the_web_ui_is_idle(baked: Path, monkeypatch: pytest.MonkeyPatch, busy: str) -> None:
    monkeypatch.setattr(module, "POLL", 0.01)
    monkeypatch.setattr(module, "QUIET", 0.05)
    lock = threading.Lock()
    monkeypatch.setattr(sd_models.model_data, "lock", lock, raising=False)
    if busy == "a picture":
        monkeypatch.setattr(shared.state, "job", "task(1)")
    else:
        lock.acquire()
    asked = []
    monkeypatch.setattr(module, "is_idle", lambda real=module.is_idle: asked.append(real()) or asked[-1])
    upkeep = BackgroundScan()
    try:
        upkeep.start()
        wait_for(lambda: len(asked) > 12)
        assert not any(asked) and module.library().report is None
        monkeypatch.setattr(shared.state, "job", "")
        if lock.locked():
            lock.release()
        wait_for(lambda: module.library().report)
    finally:
        upkeep.stop()


def test_hashing_can_be_turned_off_and_waiting_be_ended(baked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "SMALL", 0)
    shared.opts.data["vaewb_hash_in_background"] = False
    upkeep = BackgroundScan()
    upkeep.start()
    wait_for(lambda: not upkeep._thread.is_alive())
    assert module.library().unhashed()
    shared.opts.data["vaewb_hash_in_background"] = True
    shared.state.job, upkeep = "task(1)", BackgroundScan()
    upkeep.start()
    upkeep.stop()
    shared.state.job = ""
    assert not upkeep._thread.is_alive() and module.library().unhashed()


def test_it_starts_with_the_server_and_ends_with_the_scripts(baked: Path, host) -> None:
    from vae_workbench.webui import register as registering

    register()
    host.app_started_callback(None, FastAPI())
    assert registering._background_scan is not None
    host.script_unloaded_callback()
    assert registering._background_scan is None
