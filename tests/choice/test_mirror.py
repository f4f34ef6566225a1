"""Overrides and the web UI's own metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.choice.files import checkpoint, library, vae
from vae_workbench.choice.mirror import copies_sentence, mirror
from vae_workbench.choice.preference_store import PreferenceStore
from vae_workbench.choice.preferences import OWN, PreferredVae
from vae_workbench.choice.user_metadata import read_vae
from vae_workbench.library.entry import Entry

ORANGE, MSE = vae("orange.pt"), vae("mse.pt")


@dataclass
class Bench:
    """A folder of checkpoints with metadata, and a store."""

    folder: Path
    store: PreferenceStore
    checkpoints: tuple[Entry, ...]

    def mirror(self) -> tuple[str, ...]:
        return mirror(self.store, self.checkpoints, library(*self.checkpoints, ORANGE, MSE))

    def host_says(self, name: str, vae: str | None) -> None:
        """As the web UI's metadata editor writes it."""
        content = {"notes": "mine"} if vae is None else {"notes": "mine", "vae": vae}
        (self.folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def host_reads(self, name: str) -> str | None:
        return read_vae(self.folder / f"{name}.json")

    def set(self, index: int, vae: PreferredVae | None) -> None:
        self.store.change(lambda now: now.with_overrides([self.checkpoints[index]], vae, self.checkpoints))

    def overrides(self) -> list[PreferredVae | None]:
        found = map(self.store.read().override_of, self.checkpoints)
        return [it and it.vae for it in found]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    names = ("a.safetensors", "b.ckpt")
    models = tuple(checkpoint(name, folder=str(tmp_path)) for name in names)
    return Bench(tmp_path, PreferenceStore(tmp_path / "data" / "p.json"), models)


def test_what_is_set_in_the_web_ui_is_adopted(bench: Bench) -> None:
    bench.host_says("a", "orange.pt")
    bench.host_says("b", "None")
    assert bench.mirror() == ()
    assert bench.overrides() == [PreferredVae.of(ORANGE), PreferredVae(OWN)]
    bench.host_says("a", "gone.pt")
    bench.host_says("b", "Automatic")
    bench.mirror()
    assert bench.overrides() == [PreferredVae("gone.pt"), None]
    assert not bench.store.can_undo, "the person did that elsewhere"


def test_what_is_set_here_is_written_there(bench: Bench) -> None:
    bench.host_says("a", "")
    bench.set(0, PreferredVae.of(MSE))
    bench.set(1, PreferredVae(OWN))
    assert bench.mirror() == ()
    assert [bench.host_reads("a"), bench.host_reads("b")] == ["mse.pt", "None"]
    assert json.loads((bench.folder / "a.json").read_text())["notes"] == "mine"
    bench.set(0, None)
    bench.mirror()
    assert bench.host_reads("a") is None and bench.overrides() == [None, PreferredVae(OWN)]
    bench.store.undo()
    bench.mirror()
    assert bench.host_reads("a") == "mse.pt"


def test_the_later_change_counts(bench: Bench) -> None:
    for file in (ORANGE, MSE):
        bench.set(0, PreferredVae.of(file))
        bench.mirror()
        assert bench.host_reads("a") == file.name
        bench.host_says("a", "None")
        bench.mirror()
        assert bench.overrides()[0] == PreferredVae(OWN)


def test_once_alike_nothing_is_written(bench: Bench) -> None:
    bench.set(0, PreferredVae.of(ORANGE, force=True))
    bench.mirror()
    files = [bench.folder / "a.json", bench.folder / "data" / "p.json"]
    before = [file.stat().st_mtime_ns for file in files]
    bench.mirror()
    assert [file.stat().st_mtime_ns for file in files] == before
    assert bench.overrides()[0] == PreferredVae.of(ORANGE, force=True), "a confirmation is not lost on the way"


@pytest.mark.parametrize("keep_file", [True, False])
def test_a_file_that_says_nothing_takes_nothing_away(bench: Bench, keep_file: bool) -> None:
    """A checkpoint that is moved without its metadata keeps its override, and gets it written again."""
    bench.set(0, PreferredVae.of(ORANGE))
    bench.mirror()
    if keep_file:
        bench.host_says("a", None)
    else:
        (bench.folder / "a.json").unlink()
    bench.mirror()
    assert bench.overrides()[0] == PreferredVae.of(ORANGE) and bench.host_reads("a") == "orange.pt"


def test_a_damaged_file_is_told_of_and_stops_nothing(bench: Bench) -> None:
    (bench.folder / "a.json").write_text("[]")
    bench.set(0, PreferredVae.of(ORANGE))
    bench.host_says("b", "mse.pt")
    (problem,) = bench.mirror()
    assert "a.json is not a JSON object" in problem and (bench.folder / "a.json").read_text() == "[]"
    assert bench.overrides() == [PreferredVae.of(ORANGE), PreferredVae.of(MSE)]


def test_where_it_cannot_be_written_the_override_stays(bench: Bench) -> None:
    moved = checkpoint("a.safetensors", folder=str(bench.folder / "not there"))
    bench.checkpoints = (moved, bench.checkpoints[1])
    bench.set(0, PreferredVae.of(ORANGE))
    for _ in range(2):
        (problem,) = bench.mirror()
        assert "cannot be written" in problem
    assert bench.overrides()[0] == PreferredVae.of(ORANGE)


def test_two_checkpoints_of_one_stem_share_a_file_but_not_an_override(bench: Bench) -> None:
    pair = tuple(checkpoint(f"pair.{ending}", folder=str(bench.folder)) for ending in ("safetensors", "ckpt"))
    bench.checkpoints = pair
    bench.host_says("pair", "orange.pt")
    bench.mirror()
    assert bench.overrides() == [PreferredVae.of(ORANGE)] * 2, "as the web UI has it"
    bench.set(1, PreferredVae.of(MSE))
    mirror(bench.store, pair[1:], library(*pair, ORANGE, MSE))
    bench.mirror()
    assert bench.overrides() == [PreferredVae.of(ORANGE), PreferredVae.of(MSE)]
    assert bench.host_reads("pair") == "mse.pt", "what was set last"


def twins(bench: Bench, count: int = 2) -> tuple[Entry, ...]:
    """Checkpoints of one content under several names."""
    return tuple(checkpoint(f"twin{n}.ckpt", folder=str(bench.folder), fingerprint="same") for n in range(count))


def test_an_override_is_set_and_taken_back_for_all_copies(bench: Bench) -> None:
    """An override counted for a copy under another name as well, but Clear left the copy's metadata saying it, from where it
    came back."""
    one, other = bench.checkpoints = twins(bench)
    shelf = library(one, other, ORANGE, MSE)
    bench.host_says("twin1", None)
    bench.set(0, PreferredVae.of(ORANGE))
    assert mirror(bench.store, [one], shelf) == ()
    assert bench.host_reads("twin0") == bench.host_reads("twin1") == "orange.pt"
    bench.set(1, None)
    assert mirror(bench.store, [other], shelf) == ()
    assert bench.overrides() == [None, None]
    assert sorted(path.name for path in bench.folder.glob("*.json")) == ["twin1.json"], "no empty file is left"
    assert json.loads((bench.folder / "twin1.json").read_text()) == {"notes": "mine"}
    bench.mirror()
    assert bench.overrides() == [None, None]


def test_what_is_set_for_a_copy_in_the_web_ui_is_for_all(bench: Bench) -> None:
    one, other = bench.checkpoints = twins(bench)
    bench.host_says("twin1", "mse.pt")
    mirror(bench.store, [one], library(one, other, ORANGE, MSE))
    assert bench.overrides() == [PreferredVae.of(MSE)] * 2 and bench.host_reads("twin0") == "mse.pt"
    bench.host_says("twin1", "Automatic")
    mirror(bench.store, [one], library(one, other, ORANGE, MSE))
    assert bench.overrides() == [None, None] and bench.host_reads("twin0") is None


def test_copies_are_told(bench: Bench) -> None:
    one, other, *more = twins(bench, 8)
    assert copies_sentence([one], library(one)) == copies_sentence([one, other], library(one, other)) == ""
    told = copies_sentence([one], library(one, other))
    assert told == "This also counts for twin1.ckpt, whose content is the same."
    assert "twin5.ckpt and 2 more, whose" in copies_sentence([one], library(one, other, *more))
