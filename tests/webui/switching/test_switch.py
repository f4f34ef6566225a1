"""The VAE in use is the one that is named, whole, and nothing else of the model is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from modules import script_callbacks, sd_hijack, sd_models, sd_vae, shared
from safetensors.torch import save_file

from tests.webui.world import BAD, GOOD, World, small_vae
from vae_workbench.errors import UnreadableFile
from vae_workbench.webui import options
from vae_workbench.webui.choosing.current_choice import choice_for
from vae_workbench.webui.switching import swap, switch
from vae_workbench.weights.reader import WeightsReader


@pytest.mark.parametrize("name", GOOD)
def test_a_vae_in_any_form_is_used(world: World, name: str) -> None:
    world.load("tiny.safetensors")
    before = world.rest
    assert world.select(name)
    assert world.vae == world.file(name)
    assert world.rest == before
    assert sd_vae.loaded_vae_file == str(world.vae_path(name))


def test_the_checkpoints_own_comes_back_exactly(world: World) -> None:
    world.load("tiny.safetensors")
    baked = world.baked("tiny.safetensors")
    assert world.vae == baked
    for name in GOOD[:3]:
        world.select(name)
        assert world.vae != baked
        world.select("None")
        assert world.vae == baked and sd_vae.loaded_vae_file is None


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("before", ["None", "a.safetensors"])
def test_d2_d3_a_bad_file_changes_nothing(world: World, name: str, before: str) -> None:
    """A failed switch left half of the new weights, the model on the CPU and without its hijack, and could not be retried."""
    world.load("tiny.safetensors")
    world.select(before)
    was = world.vae, world.rest, sd_vae.loaded_vae_file
    for _ in range(2):
        assert not world.select(name)
        assert (world.vae, world.rest, sd_vae.loaded_vae_file) == was
    assert world.select("b.safetensors")
    assert world.vae == world.file("b.safetensors")


def test_d4_each_model_in_memory_keeps_its_own_vae(world: World) -> None:
    """With two checkpoints in memory, None left the other VAE in place and reported none."""
    shared.opts.data["sd_checkpoints_limit"] = 2
    for checkpoint in ("tiny.safetensors", "tiny2.safetensors", "tiny.safetensors"):
        world.load(checkpoint)
        assert world.vae == world.baked(checkpoint)
    world.select("a.safetensors")
    assert world.vae == world.file("a.safetensors")
    world.select("None")
    assert world.vae == world.baked("tiny.safetensors") and sd_vae.loaded_vae_file is None
    world.load("tiny2.safetensors")
    assert world.vae == world.baked("tiny2.safetensors")


@pytest.mark.parametrize(("limit", "cache"), [(1, 0), (1, 2), (2, 0), (3, 2)])
def test_own_vaes_through_checkpoints_of_one_configuration(world: World, limit: int, cache: int) -> None:
    shared.opts.data.update(sd_checkpoints_limit=limit, sd_checkpoint_cache=cache)
    for checkpoint in ("pair.safetensors", "pair.ckpt", "tiny.safetensors", "pair.safetensors", "pair.ckpt"):
        world.load(checkpoint)
        world.select("a.safetensors")
        assert world.vae == world.file("a.safetensors")
        world.select("None")
        assert world.vae == world.baked(checkpoint), checkpoint


@pytest.mark.parametrize("before", [None, "pairnv.safetensors", "tiny.safetensors"])
@pytest.mark.parametrize("selected", ["Automatic", "None"])
def test_d5_a_checkpoint_without_a_vae_gets_one(world: World, before: str | None, selected: str) -> None:
    """It had the VAE of the model before it, or one of zeros, and nobody said so."""
    shared.opts.data["sd_vae"] = selected
    if before:
        world.load(before)
    world.load("pairnv.ckpt")
    assert sd_vae.loaded_vae_file is not None
    assert world.vae == world.file(Path(sd_vae.loaded_vae_file).name)
    world.load("pairnv.safetensors")
    assert world.vae == world.baked("pairnv.safetensors") and sd_vae.loaded_vae_file is None


@pytest.fixture
def of_sdxl(world: World) -> str:
    """A VAE that says it is for SDXL, with the names and shapes of one for SD1."""
    metadata = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    save_file(small_vae(30), world.vaes / "xl.safetensors", metadata)
    sd_vae.refresh_vae_list()
    return "xl.safetensors"


def test_d16_a_vae_of_another_latent_space_is_refused(world: World, of_sdxl: str) -> None:
    """Those of SD1 and SDXL went into each other's models without a word; the pictures come out wrong."""
    world.load("tiny.safetensors")
    was = world.vae, world.rest, sd_vae.loaded_vae_file
    assert not world.select(of_sdxl)
    assert (world.vae, world.rest, sd_vae.loaded_vae_file) == was


def test_it_is_used_after_a_confirmation(world: World, of_sdxl: str) -> None:
    from vae_workbench.webui.switching.switch import select

    world.load("tiny.safetensors")
    assert select(world.model, of_sdxl, force=True)
    for _ in range(2):
        assert world.select(of_sdxl)
        assert world.vae == world.file(of_sdxl)
        assert world.select("None")
    assert world.load("tiny2.safetensors")
    assert not world.select(of_sdxl), "it was confirmed for another checkpoint"


def test_d24_only_the_vae_is_touched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole model went to the CPU and back, and its hijack was taken off and put on."""
    world.load("tiny.safetensors")
    done: list[str] = []
    for name in ("to", "cpu", "half", "float"):
        monkeypatch.setattr(type(world.model), name, lambda *_, name=name, **__: done.append(name), raising=False)
    for name in ("hijack", "undo_hijack"):
        monkeypatch.setattr(sd_hijack.model_hijack, name, lambda *_, name=name: done.append(name))
    world.select("a.safetensors")
    world.select("None")
    assert done == []


def test_d17_an_incompatible_selection_does_not_stop_a_checkpoint(world: World) -> None:
    """The checkpoint did not load at all, and the one before was restored, or none was left."""
    world.load("tiny.safetensors")
    shared.opts.data["sd_vae"] = "bad wide.safetensors"
    for checkpoint in ("tiny2.safetensors", "pair.safetensors", "pair.ckpt"):
        assert world.load(checkpoint)
        assert world.checkpoint == checkpoint
        assert world.vae == world.baked(checkpoint) and sd_vae.loaded_vae_file is None


def test_d21_a_file_that_was_replaced_is_read_again(world: World) -> None:
    """Choosing it again did nothing, also with the web UI's cache off."""
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    save_file(small_vae(9), world.vaes / "new.tmp")
    (world.vaes / "new.tmp").replace(world.vaes / "a.safetensors")
    sd_vae.reload_vae_weights()
    assert world.vae == world.file("a.safetensors")


def test_others_are_told_of_a_switch(world: World) -> None:
    world.load("tiny.safetensors")
    told: list[object] = []
    script_callbacks.on_model_loaded(told.append)
    world.select("a.safetensors")
    assert told == [world.model]
    sd_vae.reload_vae_weights()
    world.select("bad nan.safetensors")
    assert told == [world.model]


def test_weights_made_in_inference_mode_can_be_overwritten(world: World) -> None:
    world.load("tiny.safetensors")
    with torch.inference_mode():
        weights = {name: tensor.clone() for name, tensor in world.model.first_stage_model.state_dict().items()}
    world.model.first_stage_model.load_state_dict(weights, assign=True)
    assert next(world.model.first_stage_model.parameters()).is_inference()
    world.select("a.safetensors")
    assert world.vae == world.file("a.safetensors")
    world.select("None")
    assert world.vae == world.baked("tiny.safetensors")


def test_precision_and_place_stay(world: World) -> None:
    world.load("tiny.safetensors")
    world.model.first_stage_model.half()
    world.select("a.safetensors")
    stored = {name: tensor.half() for name, tensor in small_vae(1).items()}
    inside = world.model.first_stage_model.state_dict()
    assert all(torch.equal(inside[name], tensor) for name, tensor in stored.items())


def test_a_copy_that_stops_halfway_is_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.load("tiny.safetensors")
    for before in ("None", "b.safetensors"):
        world.select(before)
        was = world.vae
        copies = iter(range(1000))
        copy = torch.Tensor.copy_

        def failing(target: torch.Tensor, *rest: object, copy=copy, copies=copies) -> torch.Tensor:
            if next(copies) == 100:
                raise RuntimeError("CUDA error")
            return copy(target, *rest)

        monkeypatch.setattr(torch.Tensor, "copy_", failing)
        assert not world.select("a.safetensors")
        monkeypatch.undo()
        assert world.vae == was
        assert world.select("a.safetensors") and world.vae == world.file("a.safetensors")


def test_a_model_that_was_loaded_before_us_is_taken_over(world: World) -> None:
    from vae_workbench.webui import patching
    from vae_workbench.webui.switching import vae_loading

    vae_loading.unpatch_loading()
    patching.undo_all()
    world.load("tiny.safetensors")
    shared.opts.data["sd_vae"] = "a.safetensors"
    sd_vae.reload_vae_weights()
    vae_loading.patch_loading()
    world.select("b.safetensors")
    assert world.vae == world.file("b.safetensors")
    world.select("None")
    assert world.vae == world.baked("tiny.safetensors")


def test_a_model_that_was_loaded_in_a_way_of_its_own_gets_a_vae_all_the_same(world: World) -> None:
    """reForge does not call ``load_model_weights``; an unusable VAE must not stop its checkpoints from loading."""
    from vae_workbench.webui.switching import loaded_vae as own_vae

    world.load("tiny.safetensors")
    own_vae.forget(world.model)
    sd_vae.load_vae(world.model, str(world.vaes / "bad wide.safetensors"), "in a test")
    assert world.vae == world.baked("tiny.safetensors") and sd_vae.loaded_vae_file is None


def test_the_web_ui_goes_on_without_us(world: World) -> None:
    from vae_workbench.webui import patching
    from vae_workbench.webui.switching import vae_loading

    world.load("tiny.safetensors")
    world.select("a.safetensors")
    vae_loading.unpatch_loading()
    patching.undo_all()
    shared.opts.data["sd_vae"] = "None"
    sd_vae.reload_vae_weights()
    assert world.vae == world.baked("tiny.safetensors")


@pytest.mark.parametrize("text", ['["a"]', '"a"', "17", "null", "{", '{"vae": 5}', '{"vae": ""}', '{"vae": "gone.pt"}'])
def test_d27_d31_odd_notes_do_no_harm(world: World, text: str) -> None:
    """The user's metadata of a checkpoint stopped it from loading when it was not a JSON object."""
    world.note("tiny2.safetensors", text)
    world.load("tiny2.safetensors")
    assert world.vae == world.baked("tiny2.safetensors")


def test_the_choice_noted_for_a_checkpoint_is_used(world: World) -> None:
    world.note("tiny.safetensors", json.dumps({"vae": "a.safetensors"}))
    world.load("tiny.safetensors")
    assert world.vae == world.file("a.safetensors")
    world.load("tiny2.safetensors")
    assert world.vae == world.baked("tiny2.safetensors")
    assert sd_models.model_data.sd_model is world.model


def test_a_file_that_fails_while_it_is_copied_leaves_the_vae_from_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large one is read straight into the network, which then holds some of its weights."""
    monkeypatch.setattr(swap, "SMALL", 0)
    shared.opts.data[options.CACHE_MEGABYTES] = 0
    world.load("tiny.safetensors")
    assert world.select("b.safetensors")
    load, filled = WeightsReader.load, 0

    def failing(self: WeightsReader, name: str, memory: Any = None) -> Any:
        nonlocal filled
        if memory is not None and memory.data_ptr() in places:
            filled += 1
            if filled == 20:
                raise UnreadableFile("a.safetensors", "a.safetensors cannot be read", "Look at the disk")
        return load(self, name, memory)

    places = {tensor.data_ptr() for tensor in world.model.first_stage_model.parameters()}
    monkeypatch.setattr(WeightsReader, "load", failing)
    assert not world.select("a.safetensors") and filled >= 20
    assert world.vae == world.file("b.safetensors")
    assert world.select("a.safetensors"), "the next try may succeed"


def test_a_file_replaced_with_its_size_and_date_kept_is_read_again(world: World) -> None:
    """Archives and synchronisation set the date of what they write; the VAE from before stayed in use."""
    world.load("tiny.safetensors")
    path, new = world.vaes / "a.safetensors", world.vaes / "new.tmp"
    world.select("a.safetensors")
    before, status = world.vae, path.stat()
    save_file(small_vae(9), new)
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    new.replace(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    sd_vae.reload_vae_weights()
    assert world.vae == world.file("a.safetensors") != before


def test_a_file_copied_a_moment_ago_is_found(world: World) -> None:
    """It was said that there is no such file, until somebody refreshed the list."""
    world.load("tiny.safetensors")
    assert not world.select("late.safetensors")
    save_file(small_vae(9), world.vaes / "late.safetensors")
    assert world.select("late.safetensors")
    assert world.vae == world.file("late.safetensors")
    save_file(small_vae(11), world.vaes / "later.safetensors")
    world.generate(sd_vae="later.safetensors")
    world.note("tiny2.safetensors", json.dumps({"vae": "latest.safetensors"}))
    world.select("Automatic")
    world.load("tiny2.safetensors")
    save_file(small_vae(12), world.vaes / "latest.safetensors")
    sd_vae.reload_vae_weights()
    assert world.vae == world.file("latest.safetensors")


def test_names_in_settings_are_understood_without_ending_and_in_any_case(world: World) -> None:
    world.load("tiny.safetensors")
    for name, file in (("a", "a.safetensors"), ("B.SAFETENSORS", "b.safetensors"), ("FP16", "fp16.safetensors")):
        shared.opts.data["sd_vae"] = name
        sd_vae.reload_vae_weights()
        assert world.vae == world.file(file), name


def test_every_change_has_a_revision_of_its_own(world: World) -> None:
    from vae_workbench.webui.switching import revision

    def changed() -> bool:
        nonlocal seen
        before, seen = seen, revision.current()
        return seen != before

    seen = revision.current()
    world.load("tiny.safetensors")
    assert changed()
    for name in ("a.safetensors", "bad nan.safetensors", "b.safetensors", "Automatic"):
        world.select(name)
        assert changed(), name
        if not name.startswith("bad"):  # whose refusal is told until the next look
            sd_vae.reload_vae_weights()
            assert not changed(), name
    world.generate(sd_vae="a.safetensors")
    assert changed()
    world.load("tiny2.safetensors")
    assert changed()


def test_what_was_refused_when_it_was_loaded_is_remembered(world: World) -> None:
    """Nothing of a checkpoint without a VAE tells which network it gets, so pages and API went on naming what was not used."""
    from vae_workbench.ui.checkpoints.decisions import Decisions
    from vae_workbench.webui.choosing.choose import choose
    from vae_workbench.webui.host import workbench

    shared.opts.data["sd_vae"] = "bad wide.safetensors"
    world.load("pairnv.ckpt")
    used = Path(str(sd_vae.loaded_vae_file)).name
    assert world.vae == world.file(used)
    choice = choose(world.path("pairnv.ckpt"))
    assert choice.vae is not None and choice.vae.path == sd_vae.loaded_vae_file
    assert "it does not fit this checkpoint" in choice.warnings[0]
    bench = workbench()
    decided = Decisions(bench.preferences, bench.vae_settings).of(bench.library.collection())[world.path("pairnv.ckpt")]
    assert decided.vae is not None and decided.vae.path == choice.vae.path, "the page says the same"
    save_file(small_vae(9), world.vaes / "new.tmp")
    (world.vaes / "new.tmp").replace(world.vaes / "bad wide.safetensors")
    sd_vae.reload_vae_weights()
    assert world.vae == world.file("bad wide.safetensors"), "it is another file now"


def test_the_best_match_fits_the_network_that_was_built(world: World) -> None:
    """Widths were ignored, and the first of the alphabet was named."""
    from vae_workbench.webui.choosing.choose import choose

    (world.vaes / "0 wide.safetensors").hardlink_to(world.vaes / "bad wide.safetensors")
    sd_vae.refresh_vae_list()
    world.load("pairnv.ckpt")
    choice = choose(world.path("pairnv.ckpt"))
    assert choice.vae is not None and choice.vae.path == sd_vae.loaded_vae_file
    assert not any("0 wide" in warning for warning in (*choice.warnings, *_warnings(world)))
    assert world.vae == world.file(choice.vae.name)


def _warnings(world: World) -> tuple[str, ...]:
    from vae_workbench.webui.switching.switch import loaded_vae

    return loaded_vae(world.model).warnings


def test_a_refusal_says_where_the_vae_was_asked_for(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The top bar was named, where nobody had chosen anything, for what override settings asked for."""
    shared.opts.data[options.WRONG_OVERRIDE] = options.WARNS
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    caplog.clear()
    world.generate(sd_vae="bad nan.safetensors")
    assert "bad nan.safetensors (chosen in override_settings) is not used: it is" in caplog.text
    assert "top bar" not in caplog.text
    assert world.vae == world.file("a.safetensors")
    assert switch.loaded_vae(world.model).reason == "chosen in the top bar"
    caplog.clear()
    assert not world.select("bad corrupt.safetensors")
    assert "bad corrupt.safetensors cannot be used: it is neither" in caplog.text
    assert choice_for(world.path("tiny.safetensors")).reason == "chosen in the top bar"
