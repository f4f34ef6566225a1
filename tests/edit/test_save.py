"""A new file is whole or absent, and no source is ever touched."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.edit.files import made, same
from tests.identity.files import checkpoint, save, small_kl
from vae_workbench.edit.recipe import Recipe
from vae_workbench.edit.steps.bake import Bake
from vae_workbench.edit.steps.extract import Extract
from vae_workbench.edit.steps.rename import Rename
from vae_workbench.errors import Cancelled, TargetExists, UnreadableFile, UnwritableTarget, WorkbenchError
from vae_workbench.weights import writer


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that begin at once")
@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_at_any_moment(tmp_path: Path, overwrite: bool) -> None:
    """A killed program leaves the old file or none, or the whole new one; what it left behind goes with the next that writes."""
    source = tmp_path / "source.safetensors"
    save_file({f"w{number}": torch.rand(1 << 12) for number in range(100)}, source)
    content, target = source.read_bytes(), tmp_path / "target.safetensors"
    for calls in (0, 1, 5, 30, 60, 95, 100, 101, 102, 103):
        target.unlink(missing_ok=True)
        if overwrite:
            target.write_bytes(b"old")
        child = os.fork()
        if not child:
            write_and_die(source, target, overwrite, calls)
        os.waitpid(child, 0)
        if target.exists() and target.read_bytes() != b"old":
            assert same(load_file(target), load_file(source))
        else:
            assert target.exists() == overwrite
    assert source.read_bytes() == content
    for path in tmp_path.glob(f"{writer.BEGUN}*"):
        os.utime(path, (time.time() - 100,) * 2)
    Recipe(source).save(target, overwrite=True)
    assert sorted(tmp_path.iterdir()) == [source, target]


def write_and_die(source: Path, target: Path, overwrite: bool, calls: int) -> None:
    """Writes until the progress was told so many times, and is then killed, or a few microseconds later."""
    left = calls

    def progress(fraction: float, what: str) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            Timer(calls % 7 * 1e-4, os.kill, (os.getpid(), signal.SIGKILL)).start()

    try:
        Recipe(source).save(target, overwrite=overwrite, progress=progress)
    finally:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_file_that_another_is_writing_is_not_taken_for_abandoned(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    source = save(tmp_path / "vae.safetensors", small_kl())
    busy = tmp_path / f"{writer.BEGUN}0{writer.UNFINISHED}"
    with busy.open("wb") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        os.utime(busy, (time.time() - 100,) * 2)
        made(source)
        assert busy.exists()


def test_two_writers_on_one_target(tmp_path: Path) -> None:
    sources = [save(tmp_path / f"{seed}.safetensors", small_kl(seed)) for seed in range(4)]
    target = tmp_path / "target.safetensors"

    def write(source: Path) -> bool:
        try:
            Recipe(source).save(target)
        except TargetExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(write, sources))
    assert won.count(True) == 1
    assert same(load_file(target), small_kl(won.index(True)))
    assert sorted(tmp_path.iterdir()) == sorted([*sources, target])


@pytest.mark.parametrize("kind", ["itself", "symbolic link", "hard link", "the checkpoint that is baked into"])
def test_a_source_is_never_written_to(tmp_path: Path, kind: str) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl())
    into = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl(1)))
    target = tmp_path / "link.safetensors"
    if kind == "symbolic link":
        target.symlink_to(source)
    elif kind == "hard link":
        target.hardlink_to(source)
    else:
        target = source if kind == "itself" else into
    before = source.read_bytes(), into.read_bytes(), source.stat().st_ino
    with pytest.raises(UnwritableTarget, match=r"the file that is read|a link to"):
        Recipe(source, (Bake(into),)).save(target, overwrite=True)
    assert (source.read_bytes(), into.read_bytes(), source.stat().st_ino) == before


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    source, old = save(tmp_path / "vae.safetensors", small_kl()), save(tmp_path / "old.safetensors", small_kl(1))
    with pytest.raises(TargetExists):
        Recipe(source).save(old)
    assert same(load_file(old), small_kl(1))
    Recipe(source).save(old, overwrite=True)
    assert same(load_file(old), small_kl(0))


@pytest.mark.parametrize("name", ["vae.ckpt", "vae", "no folder/vae.safetensors"])
def test_targets_that_cannot_be(tmp_path: Path, name: str) -> None:
    source = save(tmp_path / "source.safetensors", small_kl())
    with pytest.raises(UnwritableTarget):
        Recipe(source).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == [source]


def test_a_source_that_changes_meanwhile(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl())

    def meddle(fraction: float, what: str) -> None:
        if what.startswith("Writing") and fraction > 0.5:
            with source.open("r+b") as file:
                file.truncate(1000)

    with pytest.raises(UnreadableFile, match="changed while it was read"):
        Recipe(source).save(tmp_path / "new.safetensors", progress=meddle)
    assert list(tmp_path.iterdir()) == [source]


def test_cancelled(tmp_path: Path) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl()))

    def cancel(fraction: float, what: str) -> None:
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        Recipe(source, (Extract(), Rename("diffusers"))).save(tmp_path / "new.safetensors", progress=cancel)
    assert list(tmp_path.iterdir()) == [source]


def test_a_trial_reads_all_and_writes_nothing(tmp_path: Path) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl()))
    tried = Recipe(source, (Extract(),)).save(tmp_path / "new.safetensors", dry_run=True)
    saved = Recipe(source, (Extract(),)).save(tmp_path / "new.safetensors")
    assert not tried.written and (tried.size, tried.tensors, tried.notes) == (saved.size, saved.tensors, saved.notes)


def test_steps_in_order_in_one_pass(tmp_path: Path) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl()))
    with Recipe(source, (Extract(), Rename("diffusers"))).prepared() as state:
        looked_at = state.load_vae()
    assert same(looked_at, small_kl())
    path = made(source, Extract(), Rename("diffusers"))
    assert same(load_file(made(path, Rename("ldm"))), small_kl())


def test_a_failing_step_writes_nothing(tmp_path: Path) -> None:
    source = save(tmp_path / "x.safetensors", {"w": torch.zeros(1)})
    with pytest.raises(WorkbenchError):
        made(source, Extract())
    assert list(tmp_path.iterdir()) == [source]
