"""What generations ask for, what they get, and what their infotexts say."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from modules import sd_vae, shared
from safetensors.torch import save_file

from tests.webui.world import STOCK, World, small_vae
from vae_workbench.errors import WorkbenchError
from vae_workbench.identity.identify import identify
from vae_workbench.webui import options
from vae_workbench.webui.generation import infotext_pasted, patch_generation, unpatch_generation


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def test_d1_the_hash_is_that_of_the_file_in_use(world: World) -> None:
    """An older file inherited the hash of the one used before it."""
    world.load("tiny.safetensors")
    for name, age in (("a.safetensors", 100), ("b.safetensors", 50), ("c.pt", 200)):
        os.utime(world.vaes / name, (1_600_000_000 - age,) * 2)
        world.select(name)
        (text,) = world.generate().infotexts
        assert f"VAE hash: {sha256(world.vaes / name)}" in text and f"VAE: {name}" in text


def test_the_hash_follows_a_file_that_was_replaced(world: World) -> None:
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    first = sd_vae.get_loaded_vae_hash()
    save_file(small_vae(40), world.vaes / "new.tmp")
    before = (world.vaes / "a.safetensors").stat().st_mtime_ns
    os.utime(world.vaes / "new.tmp", ns=(before - 1, before - 1))
    (world.vaes / "new.tmp").replace(world.vaes / "a.safetensors")
    assert sd_vae.get_loaded_vae_hash() == first, "the old weights are still in use"
    sd_vae.reload_vae_weights()
    assert sd_vae.get_loaded_vae_hash() == sha256(world.vaes / "a.safetensors") != first


def test_files_of_one_name_are_told_apart_in_the_infotext(world: World) -> None:
    (world.vaes / "more").mkdir()
    save_file(small_vae(41), world.vaes / "more" / "a.safetensors")
    sd_vae.refresh_vae_list()
    world.load("tiny.safetensors")
    world.select("more/a.safetensors")
    assert "VAE: more/a.safetensors" in world.generate().infotexts[0]


def test_d28_the_checkpoints_own_leaves_its_name(world: World) -> None:
    """An infotext without a VAE said nothing of the one that was used."""
    world.load("tiny.safetensors")
    (text,) = world.generate().infotexts
    baked = identify(world.path("tiny.safetensors")).baked
    assert baked and f"Baked VAE: {baked.sketch_id}" in text
    assert "Baked VAE" not in world.generate(sd_vae="a.safetensors").infotexts[0]


@pytest.mark.parametrize("before", ["Automatic", "b.safetensors"])
def test_an_override_is_used_and_taken_back(world: World, before: str) -> None:
    world.load("tiny.safetensors")
    world.select(before)
    was = world.vae
    assert "VAE: a.safetensors" in world.generate(sd_vae="a.safetensors").infotexts[0]
    assert world.vae == was and shared.opts.sd_vae == before


@pytest.mark.parametrize(
    "name", ["no such.pt", "bad wide.safetensors", "bad nan.safetensors", "bad corrupt.safetensors"]
)
def test_d30_an_override_that_cannot_be_used_is_an_error(world: World, name: str) -> None:
    """The picture was made with the checkpoint's own VAE, and nobody said so."""
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    with pytest.raises(WorkbenchError) as raised:
        world.generate(sd_vae=name)
    assert name in str(raised.value) and raised.value.status_code == 422
    assert world.vae == world.file("b.safetensors") and shared.opts.sd_vae == "b.safetensors"


def test_or_a_warning_in_the_result(world: World) -> None:
    shared.opts.data[options.WRONG_OVERRIDE] = options.WARNS
    world.load("tiny.safetensors")
    result = world.generate(sd_vae="no such.pt")
    assert "no such.pt" in result.comments and "VAE warning" in result.infotexts[0]
    assert "VAE warning" not in world.generate(sd_vae="a.safetensors").infotexts[0]


def test_a_setting_that_cannot_be_used_does_not_stop_generations(world: World) -> None:
    """It was chosen for another checkpoint, or its file is gone."""
    world.load("tiny.safetensors")
    shared.opts.data["sd_vae"] = "no such.pt"
    assert "Baked VAE" in world.generate().infotexts[0]
    assert "VAE: a.safetensors" in world.generate(sd_vae="a.safetensors").infotexts[0]
    assert world.generate().images


def test_an_override_of_the_checkpoint_brings_its_own_vae(world: World) -> None:
    world.load("tiny.safetensors")
    own = identify(world.path("tiny2.safetensors")).baked
    text = world.generate(sd_model_checkpoint="tiny2.safetensors").infotexts[0]
    assert own and f"Baked VAE: {own.sketch_id}" in text


def pasted(**params: str) -> str | None:
    """The VAE that is asked for after this infotext was pasted."""
    given = {name.replace("_", " "): value for name, value in params.items()}
    infotext_pasted("", given)
    return given.get("VAE")


def test_d28_a_renamed_file_is_found_by_its_hash(world: World) -> None:
    """The web UI asked for a file that was not there, and used the checkpoint's own."""
    world.load("tiny.safetensors")
    digest = sha256(world.vaes / "b.safetensors")
    assert pasted(VAE="old name.pt", VAE_hash=digest) == "b.safetensors"
    (world.vaes / "b.safetensors").rename(world.vaes / "renamed.safetensors")
    sd_vae.refresh_vae_list()
    assert pasted(VAE="b.safetensors", VAE_hash=digest) == "renamed.safetensors"


def test_a_wrong_hash_of_an_old_picture_is_not_believed(world: World) -> None:
    world.load("tiny.safetensors")
    assert pasted(VAE="a.safetensors", VAE_hash=sha256(world.vaes / "b.safetensors")) == "a.safetensors"


def test_what_is_in_use_anyway_is_not_asked_for(world: World) -> None:
    world.load("tiny.safetensors")
    assert pasted(Baked_VAE="x") is None
    world.select("a.safetensors")
    assert pasted(VAE="a.safetensors") is None
    assert pasted(VAE="b.safetensors") == "b.safetensors"
    assert pasted(Baked_VAE="x") == "None"


def test_a_picture_without_a_vae_in_its_infotext_asks_for_none(world: World) -> None:
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    assert pasted(Model="x") is None


def test_fields_that_are_to_be_skipped_are_left_alone(world: World) -> None:
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    shared.opts.data["infotext_skip_pasting"] = ["VAE"]
    assert pasted(Baked_VAE="x") is None


def test_a_vae_for_one_picture_is_given_back_on_a_new_installation(world: World) -> None:
    """The web UI gives back only settings that were stored once; the one picture's VAE stayed selected for all."""
    world.load("tiny.safetensors")
    shared.opts.data.pop("sd_vae", None)
    if not STOCK:
        patch_generation()
    world.generate(sd_vae="a.safetensors")
    assert shared.opts.sd_vae == "Automatic" and world.vae == world.own("tiny.safetensors")


def test_the_setting_that_makes_it_so_goes_again(world: World) -> None:
    for chosen, left in (("Automatic", False), ("a.safetensors", True)):
        shared.opts.data.pop("sd_vae")
        patch_generation()
        shared.opts.data["sd_vae"] = chosen
        unpatch_generation()
        assert ("sd_vae" in shared.opts.data) == left
        patch_generation()
