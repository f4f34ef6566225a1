"""VAEs that were refused when they were loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.choice.files import checkpoint, library, vae
from vae_workbench.choice.decide import Source, decide
from vae_workbench.choice.preferences import Preferences
from vae_workbench.choice.refusals import Refusals
from vae_workbench.library.walk import stamp_of


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A checkpoint and a VAE."""
    for name in ("model.ckpt", "vae.pt"):
        (tmp_path / name).write_bytes(b"first")
    return str(tmp_path / "model.ckpt"), str(tmp_path / "vae.pt")


def test_it_is_known_until_one_of_the_files_changes(files: tuple[str, str]) -> None:
    for changed in files:
        refusals, (model, file) = Refusals(), files
        refusals.note(model, file, stamp_of(file), "it is damaged")
        assert refusals.of(model) == {file: "it is damaged"} and refusals.all() == {model: refusals.of(model)}
        assert refusals.of(file) == {}, "for that checkpoint only"
        Path(changed).write_bytes(b"second version")
        assert refusals.of(model) == {} and refusals.all() == {}


@pytest.mark.parametrize("known", [0, 2, 3])
def test_the_file_that_was_refused_may_have_changed_meanwhile(files: tuple[str, str], known: int) -> None:
    refusals, (model, file) = Refusals(), files
    stamp = (stamp_of(file) or ())[:known]
    Path(file).write_bytes(b"second version")
    refusals.note(model, file, stamp, "it is damaged")
    assert refusals.of(model) == ({} if known else {file: "it is damaged"})


def test_a_file_that_is_gone_or_was_loaded_after_all_is_forgotten(files: tuple[str, str]) -> None:
    refusals, (model, file) = Refusals(), files
    refusals.note(model, file, None, "it is damaged")
    refusals.note(model, model, None, "its own is damaged")
    refusals.forget(model, model)
    refusals.forget("never seen", file)
    assert refusals.of(model) == {file: "it is damaged"}
    Path(file).unlink()
    refusals.note(model, file, None, "it is damaged")
    assert refusals.of(model) == {}


def test_the_choice_agrees_with_what_is_in_memory(tmp_path: Path) -> None:
    """The page named the best match after it had been refused and another one was in use."""
    model = checkpoint("model.ckpt", baked="none", folder=str(tmp_path))
    ones = [vae(name, folder=str(tmp_path)) for name in ("a.pt", "b.pt")]
    for entry in (model, *ones):
        Path(entry.path).touch()
    shelf, refusals = library(model, *ones), Refusals()
    for refused, vae_then in ((None, ones[0]), (ones[0], ones[1]), (ones[1], None)):
        if refused:
            refusals.note(model.path, refused.path, stamp_of(refused.path), "3 of its weights are NaN")
        choice = decide(model, "Automatic", Preferences(), shelf, refused=refusals.of(model.path))
        assert choice.vae == vae_then
        assert (refused is None) or any("3 of its weights are NaN" in warning for warning in choice.warnings)
    assert choice.source is Source.NOTHING
