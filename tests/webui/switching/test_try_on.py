"""What a recipe makes is in use without a file, for as long as nothing else is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest
from modules import sd_models, sd_vae, shared
from modules.ui_extra_networks_checkpoints_user_metadata import CheckpointUserMetadataEditor
from safetensors.torch import save_file

from tests.webui.world import World, digest_of, small_vae
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.recipe import Recipe
from vae_workbench.edit.steps.tone import Tone
from vae_workbench.errors import Cancelled, InvalidInput, WorkbenchError
from vae_workbench.progress import silent
from vae_workbench.webui import host
from vae_workbench.webui.choosing import metadata_editor
from vae_workbench.webui.generations.model_vae import model_vae
from vae_workbench.webui.guarding import guard
from vae_workbench.webui.register import register, unregister
from vae_workbench.webui.showing import generation
from vae_workbench.webui.showing.active_vae import active
from vae_workbench.webui.showing.revision_route import revision_in_use
from vae_workbench.webui.switching.overrides import follow
from vae_workbench.webui.switching.switch import select
from vae_workbench.webui.switching.try_on import take_off, try_on
from vae_workbench.webui.switching.use import use_for_checkpoint, use_now

LABEL = "a + tone (tried on)"


def toned(world: World, name: str = "a.safetensors", contrast: float = 0.5) -> Recipe:
    """A recipe that makes something else of a file."""
    return Recipe(world.vae_path(name), (Tone(ColourChange.of(contrast=contrast)),))


def saved(recipe: Recipe, folder: Path) -> str:
    """What is in the file that it makes."""
    target = folder / "made.safetensors"
    recipe.save(target, overwrite=True)
    return digest_of(target)


@pytest.fixture
def trying(world: World) -> World:
    """The checkpoint "tiny" with "b" in the top bar, and a change of "a" tried on."""
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    told = try_on(toned(world), silent)
    assert told == "a + tone is tried on: the next pictures are made with it. It is not saved."
    return world


def test_it_is_in_use_as_the_file_would_be(trying: World, tmp_path: Path) -> None:
    before = sorted(trying.vaes.iterdir())
    assert trying.vae == saved(toned(trying), tmp_path)
    trying.generate()
    assert trying.vae == saved(toned(trying), tmp_path) and sorted(trying.vaes.iterdir()) == before
    now = active()
    assert now and now.line() == "Trying on: a + tone (not saved) · fp32" and now.tried_on == "a + tone"


def test_taken_off(trying: World) -> None:
    assert take_off() == "a + tone was taken off. b.safetensors is in use again."
    assert trying.vae == trying.file("b.safetensors") and take_off() == "Nothing is tried on."
    trying.select("None")
    try_on(toned(trying), silent)
    assert take_off() == "a + tone was taken off. The VAE of tiny.safetensors is in use again."
    assert trying.vae == trying.baked("tiny.safetensors")


def test_the_infotext_is_honest(trying: World) -> None:
    told = trying.generate().infotexts[0]
    assert f"VAE: {LABEL}" in told and "VAE hash" not in told and "Baked VAE" not in told
    made = model_vae(trying.model)
    assert (made.name, made.path) == (LABEL, "")


def test_a_pasted_infotext(trying: World) -> None:
    """The picture of what is tried on is made again with it; that of the file in the top bar is not."""
    params = {"VAE": LABEL}
    generation.infotext_pasted("", params)
    assert params == {}
    params = {"VAE": "b.safetensors"}
    generation.infotext_pasted("", params)
    assert params == {"VAE": "b.safetensors"}
    take_off()
    with pytest.raises(WorkbenchError, match="tried on"):
        trying.generate(sd_vae=LABEL)


@pytest.mark.parametrize("name", ["c.pt", "b.safetensors", "None"])
def test_a_picture_that_asks_for_a_file_gets_it(trying: World, name: str) -> None:
    """Also for the one in the top bar, below what is tried on, which goes on afterwards."""
    worn = trying.vae
    told = trying.generate(sd_vae=name).infotexts[0]
    assert "tried on" not in told and (name == "None" or f"VAE: {name}" in told)
    assert trying.vae == worn
    assert "tried on" in trying.generate().infotexts[0]


def test_a_picture_of_another_checkpoint_does_not_end_it(trying: World) -> None:
    worn = trying.vae
    told = trying.generate(sd_model_checkpoint="tiny2.safetensors").infotexts[0]
    assert "VAE: b.safetensors" in told
    trying.generate()
    assert trying.vae == worn


@pytest.mark.parametrize("models", [1, 2])
def test_another_checkpoint_ends_it(trying: World, models: int) -> None:
    shared.opts.data["sd_checkpoints_limit"] = models
    trying.load("tiny2.safetensors")
    assert trying.vae == trying.file("b.safetensors")
    trying.load("tiny.safetensors")
    assert trying.vae == trying.file("b.safetensors") and take_off() == "Nothing is tried on."


def _select(world: World) -> None:
    world.select("a.safetensors")


def _select_the_same(world: World) -> None:
    select(world.model, "b.safetensors")


def _use_now(world: World) -> None:
    use_now(world.vaes / "a.safetensors", silent)


def _for_the_checkpoint(world: World) -> None:
    use_for_checkpoint(world.vaes / "a.safetensors", silent)


def _in_the_metadata(world: World) -> None:
    world.note("tiny.safetensors", '{"vae": "b.safetensors"}')
    metadata_editor.patch_editor()
    CheckpointUserMetadataEditor.update_vae(object(), "tiny")  # type: ignore[arg-type]


@pytest.mark.parametrize("choose", [_select, _select_the_same, _use_now, _for_the_checkpoint, _in_the_metadata])
def test_another_vae_ends_it(trying: World, choose: object) -> None:
    assert callable(choose)
    choose(trying)
    now = active()
    assert now and now.vae in ("a.safetensors", "b.safetensors") and trying.vae == trying.file(now.vae)
    assert take_off() == "Nothing is tried on."


@pytest.mark.parametrize("name", ["bad wide.safetensors", "bad nan.safetensors"])
def test_a_choice_that_is_refused_does_not(trying: World, name: str) -> None:
    worn = trying.vae
    trying.select(name)
    trying.generate()
    assert trying.vae == worn and shared.opts.sd_vae == "b.safetensors"


def test_preferences_of_others_do_not_end_it(trying: World) -> None:
    worn = trying.vae
    found = host.workbench().library.collection()
    other = next(entry for entry in found.checkpoints if entry.name == "tiny2.safetensors")
    follow([other])
    sd_vae.reload_vae_weights()
    assert trying.vae == worn


def test_a_second_trial_takes_the_place_of_the_first(trying: World, tmp_path: Path) -> None:
    first = revision_in_use()
    second = toned(trying, contrast=1.5)
    try_on(second, silent)
    assert trying.vae == saved(second, tmp_path) and revision_in_use() != first
    take_off()
    assert trying.vae == trying.file("b.safetensors")


def test_what_does_not_fit_leaves_all_as_it_is(trying: World) -> None:
    worn = trying.vae
    metadata = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    save_file(small_vae(30), trying.vaes / "xl.safetensors", metadata)
    for name in ("bad wide.safetensors", "xl.safetensors", "bad nan.safetensors", "bad other.safetensors", "gone.pt"):
        with pytest.raises(WorkbenchError):
            try_on(Recipe(trying.vaes / name), silent)
        trying.generate()
        assert trying.vae == worn, name


def test_a_cancel_leaves_all_as_it_is(trying: World) -> None:
    def cancel(_: float, told: str) -> None:
        raise Cancelled

    worn = trying.vae
    with pytest.raises(Cancelled):
        try_on(toned(trying, contrast=2.0), cancel)
    assert trying.vae == worn


def test_without_a_checkpoint(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = toned(world)
    monkeypatch.setattr(sd_models.model_data, "get_sd_model", lambda: None)
    with pytest.raises(InvalidInput, match="No checkpoint is loaded"):
        try_on(recipe, silent)


def test_a_checkpoint_without_a_vae_keeps_it(world: World) -> None:
    """There is nothing that could take its place."""
    world.load("novae.safetensors")
    try_on(toned(world), silent)
    worn = world.vae
    now = active()
    assert now and now.tried_on
    if sd_vae.resolve_vae(world.path("novae.safetensors")).vae is None:
        with pytest.raises(InvalidInput, match="there is no other VAE"):
            take_off()
        assert world.vae == worn


def test_the_guard_knows_that_it_is_another_vae(world: World, host: object) -> None:
    register()
    world.load("tiny.safetensors")
    world.generate()
    try_on(toned(world), silent)
    world.generate()
    vae_guard = guard.guard_of(world.model)
    assert vae_guard and vae_guard.identity.name == LABEL
    assert (vae_guard.identity.path, vae_guard.identity.sketch_id) == (None, None)
    take_off()
    assert vae_guard.identity.path == world.path("tiny.safetensors")
    unregister()


def test_the_end_of_the_extension_takes_it_off(world: World, host: object) -> None:
    """Reload UI, or the extension disabled: the web UI goes on with what was chosen."""
    register()
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    try_on(toned(world), silent)
    unregister()
    assert world.vae == world.file("b.safetensors") and sd_vae.loaded_vae_file == str(world.vaes / "b.safetensors")
    register()
    assert take_off() == "Nothing is tried on."
    unregister()
