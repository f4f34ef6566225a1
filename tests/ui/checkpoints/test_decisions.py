"""The choices for all checkpoints, made anew only where something changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.choice.files import checkpoint, library, vae
from vae_workbench.choice.decide import Choice, Source, VaeSettings
from vae_workbench.choice.preference_store import PreferenceStore, store_in
from vae_workbench.choice.preferences import PreferredVae, Rule
from vae_workbench.library.collection import Collection
from vae_workbench.ui.checkpoints.decisions import Decisions

A, B = checkpoint("a.ckpt"), checkpoint("b.ckpt")
MSE, OTHER = vae("mse.pt"), vae("other.pt")
SHELF = library(A, B, MSE, OTHER)


@pytest.fixture
def store(tmp_path: Path) -> PreferenceStore:
    return store_in(tmp_path)


def sources(choices: dict[str, Choice] | object) -> list[Source]:
    assert isinstance(choices, dict)
    return [choices[it.path].source for it in (A, B)]


def test_an_override_changes_the_choice_of_its_checkpoint_alone(store: PreferenceStore) -> None:
    decisions = Decisions(store, lambda _: VaeSettings())
    before = decisions.of(SHELF)
    assert sources(before) == [Source.OWN, Source.OWN]
    store.change(lambda now: now.with_overrides([A], PreferredVae.of(MSE), SHELF.checkpoints))
    after = decisions.of(SHELF)
    assert sources(after) == [Source.OVERRIDE, Source.OWN] and after[A.path].vae == MSE
    assert after[B.path] is before[B.path], "it was not decided again"
    store.change(lambda now: now.with_overrides([A], PreferredVae.of(OTHER), SHELF.checkpoints))
    assert decisions.of(SHELF)[A.path].vae == OTHER
    store.undo()
    store.undo()
    assert sources(decisions.of(SHELF)) == [Source.OWN, Source.OWN]


def test_everything_else_is_followed(store: PreferenceStore) -> None:
    top_bar = ["Automatic"]
    decisions = Decisions(store, lambda _: VaeSettings(top_bar[0]))
    decisions.of(SHELF)
    store.change(lambda now: now.with_rules([Rule("a*", PreferredVae.of(MSE))]))
    assert sources(decisions.of(SHELF)) == [Source.PATTERN, Source.OWN]
    store.change(lambda now: now.with_default("sd1", PreferredVae.of(OTHER)))
    assert sources(decisions.of(SHELF)) == [Source.PATTERN, Source.DEFAULT]
    top_bar[0] = "mse.pt"
    assert sources(decisions.of(SHELF)) == [Source.SETTING, Source.SETTING]
    top_bar[0] = "Automatic"
    assert sources(decisions.of(library(A, B))) == [Source.OWN, Source.OWN], "the VAEs are gone"


def test_only_checkpoints_are_decided_about(store: PreferenceStore) -> None:
    assert Decisions(store, lambda _: VaeSettings()).of(Collection((MSE,), {}, SHELF.references)) == {}
