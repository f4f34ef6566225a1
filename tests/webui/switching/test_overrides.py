"""What is set on the page "Checkpoints" inside the web UI: the top bar counts, and the model in use follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from modules import shared
from modules.call_queue import queue_lock

from tests.webui.world import World
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import silent
from vae_workbench.ui.checkpoints.decisions import Decisions
from vae_workbench.ui.checkpoints.preference_changes import PreferenceChanges
from vae_workbench.ui.workbench import Workbench
from vae_workbench.webui.host import workbench

MODEL, OTHER, BARE = "pair.safetensors", "tiny2.safetensors", "pairnv.ckpt"


@pytest.fixture
def bench(world: World) -> Workbench:
    """The web UI as the pages have it; no metadata that they write are left afterwards."""
    world.notes += [Path(info.filename).with_suffix(".json") for info in checkpoints()]
    return workbench()


@pytest.fixture
def changes(bench: Workbench) -> PreferenceChanges:
    return PreferenceChanges(bench, Decisions(bench.preferences, bench.vae_settings))


def checkpoints() -> list:
    from modules import sd_models

    return list(sd_models.checkpoints_list.values())


def test_the_vae_in_use_follows_every_kind_of_change(world: World, changes: PreferenceChanges) -> None:
    world.load(MODEL)
    changes.use(silent, [OTHER], "b.safetensors")
    assert world.vae == world.baked(MODEL)
    changes.use(silent, [MODEL, OTHER], "a.safetensors")
    assert world.vae == world.file("a.safetensors")
    changes.clear(silent, [MODEL])
    assert world.vae == world.baked(MODEL)
    changes.add_rule(silent, "pair", "b.safetensors")
    assert world.vae == world.file("b.safetensors")
    changes.remove_rule(silent, "pair")
    assert world.vae == world.baked(MODEL)
    changes.undo(silent)
    assert world.vae == world.file("b.safetensors")


def test_what_the_top_bar_says_comes_first_and_is_said(world: World, changes: PreferenceChanges) -> None:
    world.load(MODEL)
    assert world.select("b.safetensors")
    said = changes.use(silent, [MODEL], "a.safetensors")
    assert "something else comes first: chosen in the top bar." in said
    assert world.vae == world.file("b.safetensors")
    shared.opts.data["sd_vae_overrides_per_model_preferences"] = False
    assert "from now on" in changes.use(silent, [MODEL], "fp16.safetensors")
    assert world.vae == world.file("fp16.safetensors")


def test_what_turns_out_not_to_fit_when_it_is_loaded_is_told(world: World, changes: PreferenceChanges) -> None:
    world.load(BARE)
    before = world.vae
    said = changes.use(silent, [BARE], "bad wide.safetensors")
    assert "role='alert'" in said and "bad wide.safetensors (override for pairnv) is not used" in said
    assert world.vae == before


def test_half_a_vae_is_refused_at_once(world: World, changes: PreferenceChanges) -> None:
    """It was stored, and refused at each loading."""
    for checkpoint in (MODEL, BARE):
        with pytest.raises(InvalidInput, match="it is only the decoder of a VAE"):
            changes.use(silent, [checkpoint], "bad half.safetensors")


def test_one_of_other_widths_is_refused_at_once(world: World, changes: PreferenceChanges) -> None:
    with pytest.raises(InvalidInput, match=r"64·\d+·\d+·\d+ channels"):
        changes.use(silent, [MODEL], "bad wide.safetensors")


def test_it_waits_for_the_picture_being_made_and_only_then(world: World, changes: PreferenceChanges) -> None:
    world.load(MODEL)

    def impatient(_fraction: float, what: str) -> None:
        if what.startswith("waiting"):
            raise Cancelled

    with queue_lock:
        changes.use(impatient, [OTHER], "a.safetensors")
        with pytest.raises(Cancelled):
            changes.use(impatient, [MODEL], "a.safetensors")
    assert world.vae == world.baked(MODEL)
