"""The preferences in a file of the user's own."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.choice.files import checkpoint, vae
from vae_workbench.choice.preference_store import PreferenceStore
from vae_workbench.choice.preferences import Preferences, PreferredVae, Rule
from vae_workbench.errors import InvalidInput, UnsupportedFile

A, B, MODELS = PreferredVae.of(vae("a.pt")), PreferredVae.of(vae("b.pt")), [checkpoint(f"{n}.ckpt") for n in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> PreferenceStore:
    return PreferenceStore(tmp_path / "data" / "preferences.json")


def test_what_was_set_is_there_after_a_restart(store: PreferenceStore) -> None:
    assert store.read() == Preferences()
    told = store.change(lambda now: now.with_overrides(MODELS, A, ()).with_default("sd1", B))
    assert store.read() == told == PreferenceStore(store._file.path).read()
    assert json.loads(store._file.path.read_text(encoding="utf-8"))["version"] == 1


def test_changes_are_undone_one_by_one(store: PreferenceStore) -> None:
    states = [store.read()]
    for change in (
        lambda now: now.with_overrides(MODELS, A, ()),
        lambda now: now.with_overrides(MODELS[:1], None, ()),
        lambda now: now.with_rules([Rule("x*", B)]),
        lambda now: now.with_default("sdxl", B),
        lambda now: now.with_dismissed(MODELS[0]),
    ):
        states.append(store.change(change))
    assert len(states) == 6 and store.can_undo
    for state in reversed(states[:-1]):
        assert store.undo() == state == store.read()
    assert not store.can_undo
    with pytest.raises(InvalidInput, match="nothing to undo"):
        store.undo()


def test_undoing_leaves_alone_what_another_program_changed(store: PreferenceStore) -> None:
    store.change(lambda now: now.with_overrides(MODELS[:2], A, ()))
    other = PreferenceStore(store._file.path)
    theirs = Preferences().with_overrides(MODELS[2:], B, ()).with_default("sd1", B).with_rules([Rule("x*", B)])
    other.change(lambda now: now.merged(theirs))
    assert store.undo() == theirs


def test_what_changes_nothing_is_not_undone(store: PreferenceStore) -> None:
    store.change(lambda now: now.with_overrides(MODELS, A, ()))
    store.change(lambda now: now)
    store.change(lambda now: now.with_default("sd1", A), undoable=False)
    assert store.undo() == Preferences(defaults={"sd1": A})


def test_a_change_that_fails_changes_nothing(store: PreferenceStore) -> None:
    before = store.change(lambda now: now.with_overrides(MODELS, A, ()))
    with pytest.raises(InvalidInput):
        store.change(lambda now: now.with_default("sd9", A))
    assert store.read() == before


def test_exported_and_imported(store: PreferenceStore, tmp_path: Path) -> None:
    store.change(lambda now: now.with_overrides(MODELS[:2], A, ()).with_rules([Rule("x*", B)]))
    other = PreferenceStore(tmp_path / "other.json")
    before = other.change(lambda now: now.with_overrides(MODELS[1:], B, ()).with_default("sd1", B))
    told = other.import_from(store.export())
    assert [told.overrides[model.fingerprint].vae for model in MODELS] == [A, A, B]
    assert told.rules == (Rule("x*", B),) and told.defaults == {"sd1": B}
    assert other.undo() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "rules": 5}', "[" * 100_000])
def test_other_files_are_not_imported(store: PreferenceStore, text: str) -> None:
    with pytest.raises(InvalidInput, match="holds no preferences"):
        store.import_from(text)
    assert not store._file.path.exists()


@pytest.mark.parametrize("damage", ['{"version": 1, "overrides": []}', '{"version": 1, "mirrored": 7}', "junk"])
def test_a_damaged_file_is_set_aside_and_told(
    store: PreferenceStore, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = store._file.path
    path.parent.mkdir()
    path.write_text(damage)
    with caplog.at_level(logging.WARNING, "vae_workbench"):
        assert store.read() == Preferences() and store.mirrored() == {}
    (aside,) = path.parent.iterdir()
    assert aside.read_text() == damage and "was damaged" in caplog.text
    store.change(lambda now: now.with_default("sd1", A))
    assert len(list(path.parent.iterdir())) == 2


def test_a_newer_file_is_left_alone(store: PreferenceStore) -> None:
    store._file.path.parent.mkdir()
    store._file.path.write_text('{"version": 2}')
    with pytest.raises(UnsupportedFile):
        store.change(lambda now: now.with_default("sd1", A))
    assert store._file.path.read_text() == '{"version": 2}'


def test_threads_lose_nothing(store: PreferenceStore) -> None:
    models = [checkpoint(f"model {number}.ckpt") for number in range(24)]

    def work(start: int) -> None:
        for model in models[start::4]:
            store.change(lambda now, model=model: now.with_overrides([model], A, ()))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read().overrides.keys() == {model.fingerprint for model in models}


changes = st.lists(st.tuples(st.integers(0, 3), st.lists(st.sampled_from(MODELS)), st.sampled_from([A, B, None])))


@settings(deadline=None, max_examples=15)
@given(changes)
def test_all_undone_is_where_it_began(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    store = PreferenceStore(tmp_path_factory.mktemp("undo") / "p.json")
    for kind, models, wanted in steps[:8]:
        store.change(
            lambda now, kind=kind, models=models, wanted=wanted: (
                now.with_overrides(models, wanted, ()),
                now.with_default("sd1", wanted),
                now.with_rules([Rule("*", wanted)] if wanted else []),
                now.with_dismissed(MODELS[0], wanted is not None),
            )[kind]
        )
    while store.can_undo:
        store.undo()
    assert store.read() == Preferences()


@pytest.mark.parametrize("content", ['{"version": 99}', None])
def test_preferences_that_cannot_be_read_are_done_without(tmp_path: Path, content: str | None) -> None:
    """Where they could not be read, no checkpoint could be loaded."""
    path = tmp_path / "p.json"
    path.mkdir() if content is None else path.write_text(content)
    preferences, why = PreferenceStore(path).read_or_none()
    assert preferences == Preferences() and why.startswith("Your preferences are not followed: ")


def test_preferences_that_can_be_read_say_nothing(store: PreferenceStore) -> None:
    store.change(lambda now: now.with_default("sd1", A))
    assert store.read_or_none() == (store.read(), "")


def test_names_that_are_not_utf_8_are_kept_exported_and_imported(store: PreferenceStore, tmp_path: Path) -> None:
    odd = PreferredVae("latin-\udce9.pt")
    store.change(lambda now: now.with_default("sd1", odd))
    store.keep_mirrored({"/models/\udce9.json": odd.name})
    again = PreferenceStore(store._file.path)
    assert again.read().defaults == {"sd1": odd} and again.mirrored() == {"/models/\udce9.json": odd.name}
    exported = store.export()
    exported.encode("utf-8")
    assert PreferenceStore(tmp_path / "other.json").import_from(exported).defaults == {"sd1": odd}
