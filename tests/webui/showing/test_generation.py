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
from vae_workbench.webui import options
from vae_workbench.webui.library import library
from vae_workbench.webui.showing.generation import (
    UnusableOverride,
    infotext_pasted,
    patch_generation,
    unpatch_generation,
)


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
    assert "Baked VAE: tiny.safetensors" in text and "VAE: None" not in text
    assert "Baked VAE" not in world.generate(sd_vae="a.safetensors").infotexts[0]
    baked = library().entry(world.path("tiny.safetensors")).verdict.baked
    assert baked and baked.sketch_id
    library().entitle(baked.sketch_id, "kl-f8-anime2")
    assert "Baked VAE: kl-f8-anime2" in world.generate().infotexts[0]


@pytest.mark.parametrize(
    ("vae", "told"), [("Automatic", "Baked VAE: tiny2.safetensors"), ("a.safetensors", "VAE: a.safetensors")]
)
def test_after_a_refiner_its_vae_is_named(world: World, vae: str, told: str) -> None:
    """The refiner's VAE had decoded the picture, and the base checkpoint's was named."""
    (world.vaes / "tiny.vae.safetensors").write_bytes((world.vaes / "b.safetensors").read_bytes())
    sd_vae.refresh_vae_list()
    world.load("tiny.safetensors")
    world.select(vae)
    text = world.generate(refiner_checkpoint="tiny2.safetensors").infotexts[0]
    assert told in text and "tiny.vae" not in text and sha256(world.vaes / "b.safetensors") not in text
    assert ("VAE hash" in text) == (vae != "Automatic")


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
    assert f"override_settings asks for {name}" in str(raised.value) and "top bar" not in str(raised.value)
    assert (raised.value.status_code, raised.value.detail) == (422, str(raised.value))
    assert world.vae == world.file("b.safetensors") and shared.opts.sd_vae == "b.safetensors"


def test_a_likely_misfit_is_confirmed_in_the_override_settings(world: World) -> None:
    """The sentence spoke of the top bar, and there was no way to confirm it for one picture."""
    options.add_options()
    metadata = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    save_file(small_vae(30), world.vaes / "xl.safetensors", metadata)
    world.load("tiny.safetensors")
    with pytest.raises(UnusableOverride, match=r"it is probably for SDXL.*\"vaewb_force\": true") as raised:
        world.generate(sd_vae="xl.safetensors")
    assert "top bar" not in str(raised.value) and "(force)" not in str(raised.value)
    result = world.generate(vaewb_force=True, sd_vae="xl.safetensors")
    assert "VAE: xl.safetensors" in result.infotexts[0] and result.comments == ""
    assert shared.opts.sd_vae == "Automatic" and world.vae == world.baked("tiny.safetensors")
    assert options.FORCE not in shared.opts.data
    with pytest.raises(UnusableOverride, match="bad wide") as raised:
        world.generate(sd_vae="bad wide.safetensors", vaewb_force=True)
    assert "vaewb_force" not in str(raised.value), "no confirmation can make it fit"


@pytest.mark.parametrize("written", ["a", "A.SafeTensors", " a.safetensors "])
def test_names_are_understood_as_people_write_them(world: World, written: str) -> None:
    """A name that X/Y/Z understood was refused in override settings."""
    world.load("tiny.safetensors")
    assert "VAE: a.safetensors" in world.generate(sd_vae=written).infotexts[0]
    assert shared.opts.set("sd_vae", written) and shared.opts.sd_vae == "a.safetensors"
    assert "Baked VAE" in world.generate(sd_vae="none").infotexts[0]


def test_a_file_that_was_copied_in_a_moment_ago_is_found(world: World) -> None:
    """It was said that there is no such file until somebody pressed the button that refreshes the list."""
    world.load("tiny.safetensors")
    save_file(small_vae(42), world.vaes / "new.safetensors")
    assert "VAE: new.safetensors" in world.generate(sd_vae="new.safetensors").infotexts[0]


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
    text = world.generate(sd_model_checkpoint="tiny2.safetensors").infotexts[0]
    assert "Baked VAE: tiny2.safetensors" in text


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
    assert pasted(Baked_VAE="tiny.safetensors") is None
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
    assert shared.opts.sd_vae == "Automatic" and world.vae == world.baked("tiny.safetensors")


def test_the_setting_that_makes_it_so_goes_again(world: World) -> None:
    for choice_for, left in (("Automatic", False), ("a.safetensors", True)):
        shared.opts.data.pop("sd_vae")
        patch_generation()
        shared.opts.data["sd_vae"] = choice_for
        unpatch_generation()
        assert ("sd_vae" in shared.opts.data) == left
        patch_generation()
