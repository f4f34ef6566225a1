"""What the list of the selector says of each entry."""

from __future__ import annotations

import pytest
from modules import sd_vae, shared

from tests.webui.world import World
from vae_workbench.webui import options
from vae_workbench.webui.library import library
from vae_workbench.webui.showing import selector_entries
from vae_workbench.webui.showing.selector_entries import NO_VAE, meanings_now


def meanings(checkpoint: str) -> dict[str, str]:
    """Entries and their words, without those of which nothing is to say."""
    return {name: it.words for name, it in selector_entries.meanings(checkpoint).items() if it.words}


def test_automatic_and_none_tell_what_they_come_to(world: World) -> None:
    (world.vaes / "tiny2.vae.safetensors").write_bytes((world.vaes / "a.safetensors").read_bytes())
    sd_vae.refresh_vae_list()
    told = meanings(world.path("tiny.safetensors"))
    assert (told["Automatic"], told["None"]) == ("→ baked", "→ baked")
    told = meanings(world.path("tiny2.safetensors"))
    assert (told["Automatic"], told["None"]) == ("→ tiny2.vae.safetensors", "→ baked")


def test_a_published_name_is_told(world: World) -> None:
    sketch = library().entry(world.path("tiny.safetensors")).verdict.baked
    other = library().entry(str(world.vaes / "a.safetensors")).verdict
    assert sketch and sketch.sketch_id and other.sketch_id
    library().entitle(sketch.sketch_id, "kl-f8-anime2")
    library().entitle(other.sketch_id, "kl-f8-anime")
    told = meanings(world.path("tiny.safetensors"))
    assert told["None"] == "→ baked: kl-f8-anime2"
    assert told["a.safetensors"] == "kl-f8-anime"


def test_a_checkpoint_without_a_vae(world: World) -> None:
    checkpoint = world.path("novae.safetensors")
    assert meanings(checkpoint)["None"] == meanings(checkpoint)["Automatic"] != "→ baked"


def test_nothing_fits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sd_vae, "vae_path", str(world.vaes))  # the real web UI has VAE files in its own folder
    checkpoint = world.path("novae.safetensors")
    for file in world.vaes.iterdir():
        file.unlink()
    sd_vae.refresh_vae_list()
    library().scan([str(world.vaes)])
    assert meanings(checkpoint)["None"] == f"→ {NO_VAE}"


def test_what_cannot_be_used_is_marked(world: World) -> None:
    told = meanings(world.path("tiny.safetensors"))
    assert told["bad corrupt.safetensors"] == told["bad nan.safetensors"] == "cannot be used"
    assert told["bad wide.safetensors"] == "does not fit"
    assert "a.safetensors" not in told, "nothing is to be said of it"


def test_the_model_in_use(world: World) -> None:
    world.load("tiny.safetensors")
    assert meanings_now() == selector_entries.meanings(world.path("tiny.safetensors"))
    assert set(meanings_now()) == {"Automatic", "None", *sd_vae.vae_dict}
    assert shared.opts.sd_vae == "Automatic"


def test_what_fits_is_listed_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = selector_entries.meanings(world.path("tiny.safetensors"))
    order = [it.fits for it in told.values()]
    assert list(told)[:2] == ["Automatic", "None"] and order == sorted(order, reverse=True) and not order[-1]
    label = shared.opts.data_labels["sd_vae"]
    monkeypatch.setattr(label, "component_args", lambda: {"choices": ["Automatic", "None", *sd_vae.vae_dict]})
    selector_entries.patch_list()
    world.load("tiny.safetensors")
    assert label.component_args()["choices"] == list(told)
    monkeypatch.setitem(shared.opts.data, options.GROUPS_LIST, False)
    assert label.component_args()["choices"] == ["Automatic", "None", *sd_vae.vae_dict]


def test_the_list_is_the_web_uis_own_where_grouping_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    label = shared.opts.data_labels["sd_vae"]
    monkeypatch.setattr(label, "component_args", lambda: {"choices": ["Automatic"]})
    selector_entries.patch_list()
    monkeypatch.setattr(selector_entries, "meanings_now", lambda: 1 / 0)
    assert label.component_args() == {"choices": ["Automatic"]}
