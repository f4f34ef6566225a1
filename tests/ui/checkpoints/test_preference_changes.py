"""What a person can change about the VAEs of checkpoints, and what is said of it; with real files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.identity.files import checkpoint, small_kl
from tests.ui.workbenches import workbench
from vae_workbench.choice.preferences import OWN
from vae_workbench.errors import InvalidInput
from vae_workbench.library.entry import Entry
from vae_workbench.progress import Progress, silent
from vae_workbench.ui.checkpoints.decisions import Decisions
from vae_workbench.ui.checkpoints.preference_changes import PreferenceChanges, fitting
from vae_workbench.ui.workbench import Workbench

AOM, ANIME, XL = "AOM3.safetensors", "anime.safetensors", "xl.safetensors"


class World:
    """A library, what can be changed about it, and what was told to follow."""

    def __init__(self, folder: Path) -> None:
        self.models = folder / "models"
        self.models.mkdir()
        for seed, name in enumerate((AOM, ANIME)):
            save_file(checkpoint("sd1", small_kl(seed)), self.models / name)
        save_file(checkpoint("sdxl", small_kl(2)), self.models / XL)
        save_file(small_kl(0), self.models / "orange.safetensors")
        save_file(small_kl(2), self.models / "for-xl.safetensors")
        told = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
        save_file(small_kl(3), self.models / "perhaps-xl.safetensors", told)
        save_file(small_kl(4), self.models / "unknown.safetensors")
        self.followed: list[list[str]] = []
        self.problems: Sequence[str] = ()
        self.bench: Workbench = workbench(folder / "data", self.models, follow=self.follow)
        self.bench.library.scan([self.models])
        self.decisions = Decisions(self.bench.preferences, self.bench.vae_settings)
        self.changes = PreferenceChanges(self.bench, self.decisions)

    def follow(self, checkpoints: Sequence[Entry], _progress: Progress) -> Sequence[str]:
        self.followed.append([checkpoint.name for checkpoint in checkpoints])
        return self.problems

    def used(self) -> dict[str, str]:
        """Checkpoint → VAE and reason."""
        collection = self.bench.library.collection()
        choices = self.decisions.of(collection)
        return {
            it.name: f"{choice.vae.name if (choice := choices[it.path]).vae else OWN}, {choice.reason}"
            for it in collection.checkpoints
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


OWNS = dict.fromkeys((AOM, ANIME, XL), f"{OWN}, the checkpoint's own")


def test_overrides_are_set_and_cleared_and_everything_follows(world: World) -> None:
    said = world.changes.use(silent, [AOM, ANIME], "orange.safetensors")
    assert "2 checkpoints use orange.safetensors from now on." in said
    assert world.used() == {
        AOM: "orange.safetensors, override for AOM3",
        ANIME: "orange.safetensors, override for anime",
        XL: OWNS[XL],
    }
    assert world.followed == [[AOM, ANIME]]
    assert json.loads((world.models / "anime.json").read_text())["vae"] == "orange.safetensors"
    assert "anime has no override any more." in world.changes.clear(silent, [ANIME])
    assert world.used()[ANIME] == OWNS[ANIME]
    assert "AOM3 uses the checkpoint&#x27;s own VAE" in world.changes.use(silent, [AOM], OWN)
    assert world.used()[AOM] == f"{OWN}, override for AOM3"


def test_a_likely_mismatch_is_asked_about_and_a_certain_one_refused(world: World) -> None:
    asked = world.changes.use(silent, [AOM], "perhaps-xl.safetensors")
    assert "it is probably for SDXL" in asked and "Use it all the same</button>" in asked
    assert world.used() == OWNS and world.followed == []
    said = world.changes.use(silent, [AOM], "perhaps-xl.safetensors", force=True)
    assert "AOM3 uses perhaps-xl.safetensors from now on." in said
    assert world.used()[AOM] == "perhaps-xl.safetensors, override for AOM3"
    with pytest.raises(InvalidInput, match=r"for-xl\.safetensors does not fit: it is for SDXL"):
        world.changes.use(silent, [XL, AOM], "for-xl.safetensors", force=True)
    assert world.used()[XL] == OWNS[XL], "all or none"


def test_what_comes_first_all_the_same_is_said(world: World) -> None:
    world.changes.add_rule(silent, "a*", "orange.safetensors")
    said = world.changes.add_rule(silent, "AOM3", "unknown.safetensors")
    assert "fits 1 checkpoint. For 1 of them something else comes first: rule for a*." in said


def test_rules_are_added_replaced_moved_and_removed(world: World) -> None:
    assert "The rule for a* fits 2 checkpoints." in world.changes.add_rule(silent, " a* ", "orange.safetensors")
    world.changes.add_rule(silent, "AOM3", "unknown.safetensors")
    assert world.used()[AOM] == "orange.safetensors, rule for a*"
    world.changes.move_rule(silent, 1, -1)
    assert world.used()[AOM] == "unknown.safetensors, rule for AOM3"
    world.changes.move_rule(silent, 0, -1)
    world.changes.move_rule(silent, 1, 1)
    assert [rule.pattern for rule in world.bench.preferences.read().rules] == ["AOM3", "a*"]
    world.changes.add_rule(silent, "a*", OWN)
    assert [rule.vae.name for rule in world.bench.preferences.read().rules] == ["unknown.safetensors", OWN]
    assert world.used()[ANIME] == f"{OWN}, rule for a*"
    world.changes.remove_rule(silent, "AOM3")
    world.changes.remove_rule(silent, "a*")
    assert world.used() == OWNS
    assert "no checkpoint is called nope* so far" in world.changes.add_rule(silent, "nope*", OWN)


def test_defaults_are_of_the_latent_space_or_of_none_that_is_known(world: World) -> None:
    library = world.bench.library.collection()
    assert {entry.name for entry in fitting("sd1", library)} == {"orange.safetensors", "unknown.safetensors"}
    assert "Default for SD1 and SD2: unknown" in world.changes.set_default(silent, "sd1", "unknown.safetensors")
    assert world.used()[ANIME] == "unknown.safetensors, default for SD1 and SD2" and world.used()[XL] == OWNS[XL]
    assert world.followed == [[ANIME, AOM]]
    assert "There is no default for SD1 and SD2" in world.changes.set_default(silent, "sd1", None)
    assert world.used() == OWNS
    with pytest.raises(InvalidInput, match=r"for-xl\.safetensors is no VAE for SD1 and SD2"):
        world.changes.set_default(silent, "sd1", "for-xl.safetensors")


def test_everything_can_be_undone_also_in_the_web_uis_metadata(world: World) -> None:
    world.changes.use(silent, [AOM], "orange.safetensors")
    world.changes.use(silent, [AOM], "unknown.safetensors")
    world.changes.add_rule(silent, "x*", OWN)
    world.changes.dismiss(silent, [XL])
    assert len(world.bench.preferences.read().dismissed) == 1
    for _ in range(3):
        world.changes.undo(silent)
    preferences = world.bench.preferences.read()
    assert not preferences.dismissed and not preferences.rules
    assert world.used()[AOM] == "orange.safetensors, override for AOM3"
    assert json.loads((world.models / "AOM3.json").read_text())["vae"] == "orange.safetensors"
    world.changes.undo(silent)
    assert world.used() == OWNS
    with pytest.raises(InvalidInput, match="nothing to undo"):
        world.changes.undo(silent)


def test_what_was_exported_is_imported(world: World, tmp_path: Path) -> None:
    world.changes.use(silent, [AOM], "orange.safetensors")
    world.changes.add_rule(silent, "x*", OWN)
    exported = world.bench.preferences.export().encode()
    world.changes.undo(silent)
    world.changes.undo(silent)
    assert "There are 1 override, 1 rule, 0 defaults now." in world.changes.import_from(silent, exported)
    assert world.used()[AOM] == "orange.safetensors, override for AOM3"
    for other in (b"", None, b"\xff\xfe", b"{}", b"[1]"):
        with pytest.raises(InvalidInput, match="holds no preferences"):
            world.changes.import_from(silent, other)


def test_what_the_web_ui_said_meanwhile_is_followed_and_older_than_a_change(world: World) -> None:
    (world.models / "AOM3.json").write_text(json.dumps({"vae": "orange.safetensors", "notes": "mine"}))
    assert world.changes.heed(silent) == ""
    assert world.used()[AOM] == "orange.safetensors, override for AOM3"
    (world.models / "AOM3.json").write_text(json.dumps({"vae": "None", "notes": "mine"}))
    world.changes.use(silent, [AOM], "unknown.safetensors")
    assert json.loads((world.models / "AOM3.json").read_text()) == {"vae": "unknown.safetensors", "notes": "mine"}


def test_what_did_not_follow_is_told_but_not_hundreds(world: World) -> None:
    world.problems = [f"problem <{number}>." for number in range(5)]
    said = world.changes.use(silent, [AOM], "orange.safetensors")
    assert "from now on" in said and "problem &lt;2&gt;." in said and "problem &lt;3&gt;." not in said
    assert "And 2 more problems." in said
    assert world.used()[AOM] == "orange.safetensors, override for AOM3"


@pytest.mark.parametrize(
    ("names", "vae", "sentence"),
    [
        ([], "orange.safetensors", "No checkpoint is chosen"),
        (["gone.ckpt"], "orange.safetensors", "gone.ckpt is no longer there"),
        (["orange.safetensors"], "orange.safetensors", "orange.safetensors is not a checkpoint"),
        ([AOM], "nope.safetensors", "There is no VAE called nope.safetensors"),
    ],
)
def test_what_is_missing_is_said(world: World, names: list[str], vae: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        world.changes.use(silent, names, vae)
    assert world.used() == OWNS and world.followed == []
