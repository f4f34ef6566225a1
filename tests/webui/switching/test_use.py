"""A VAE of a comparison is taken into use as the top bar and the page of preferences do it."""

from __future__ import annotations

import pytest
from modules import sd_models, shared
from safetensors.torch import save_file

from tests.webui.world import World, small_vae
from vae_workbench.errors import Cancelled, InvalidInput, WorkbenchError
from vae_workbench.progress import silent
from vae_workbench.ui.workbench import Used
from vae_workbench.webui import host
from vae_workbench.webui.choosing.choose import preferences
from vae_workbench.webui.exclusive import exclusive
from vae_workbench.webui.switching.use import put_back, use_for_checkpoint, use_now


def test_now(world: World) -> None:
    world.load("tiny.safetensors")
    assert use_now(world.vaes / "a.safetensors", silent).told == "a.safetensors is in use now."
    assert world.vae == world.file("a.safetensors") and shared.opts.sd_vae == "a.safetensors"


def test_what_cannot_be_used_leaves_all_as_it_was(world: World) -> None:
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    for use in (use_now, use_for_checkpoint):
        with pytest.raises(WorkbenchError):
            use(world.vaes / "bad wide.safetensors", silent)
    assert world.vae == world.file("b.safetensors") and shared.opts.sd_vae == "b.safetensors"
    assert preferences().read().overrides == {}


def test_for_the_checkpoint(world: World) -> None:
    world.load("tiny.safetensors")
    assert use_for_checkpoint(world.vaes / "a.safetensors", silent) == Used("tiny uses a.safetensors from now on.")
    assert world.vae == world.file("a.safetensors") and shared.opts.sd_vae == "Automatic"
    world.load("tiny2.safetensors")
    world.load("tiny.safetensors")
    assert world.vae == world.file("a.safetensors")


def test_for_the_checkpoint_while_another_one_is_chosen_in_the_top_bar(world: World) -> None:
    """It said "from now on" while the top bar went before it, and pictures were made with another VAE."""
    world.load("tiny.safetensors")
    use_now(world.vaes / "b.safetensors", silent)
    told = use_for_checkpoint(world.vaes / "a.safetensors", silent)
    assert world.vae == world.file("a.safetensors") and shared.opts.sd_vae == "Automatic"
    assert "tiny uses a.safetensors from now on." in told.told and "b.safetensors, which was chosen there" in told.told
    assert put_back(told.before, silent) == "The top bar is at b.safetensors again."
    assert world.vae == world.file("b.safetensors") and shared.opts.sd_vae == "b.safetensors"
    with pytest.raises(InvalidInput, match="no VAE 'gone'"):
        put_back("gone", silent)


def test_a_file_that_came_a_moment_ago(world: World) -> None:
    world.load("tiny.safetensors")
    save_file(small_vae(42), world.vaes / "new.safetensors")
    assert "new.safetensors" in use_for_checkpoint(world.vaes / "new.safetensors", silent).told
    assert world.vae == world.file("new.safetensors")


def test_without_a_checkpoint(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sd_models.model_data, "sd_model", None)
    with pytest.raises(InvalidInput, match="No checkpoint is loaded"):
        use_for_checkpoint(world.vaes / "a.safetensors", silent)
    assert host.checkpoint() is None


def test_a_cancel_while_waiting_for_a_picture_changes_nothing(world: World) -> None:
    world.load("tiny.safetensors")
    before = world.vae

    def cancel(_: float, told: str) -> None:
        if told == "waiting for other work on VAEs":
            raise Cancelled

    with exclusive(silent), pytest.raises(Cancelled):
        use_now(world.vaes / "a.safetensors", cancel)
    assert world.vae == before


def test_the_pages_get_them(world: World) -> None:
    world.load("tiny.safetensors")
    bench = host.workbench()
    assert bench.use_now is use_now and bench.use_for_checkpoint is use_for_checkpoint
    assert (entry := bench.checkpoint()) and entry.name == "tiny.safetensors" and bench.generations is not None
