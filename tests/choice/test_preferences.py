"""What a person prefers, as values."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.choice.files import checkpoint, vae
from vae_workbench.choice.preferences import OWN, Override, Preferences, PreferredVae, Rule
from vae_workbench.errors import InvalidInput

MSE, ORANGE = PreferredVae.of(vae("mse.pt")), PreferredVae.of(vae("orange.pt"), force=True)

vaes = st.builds(PreferredVae, st.text(), st.none() | st.text(min_size=1), st.booleans())
patterns = st.text(min_size=1).filter(str.strip)
preferences = st.builds(
    Preferences,
    st.dictionaries(st.text(), st.builds(Override, st.text(), vaes)),
    st.lists(st.builds(Rule, patterns, vaes)).map(tuple),
    st.dictionaries(st.text(), vaes),
    st.frozensets(st.text()),
)


@settings(deadline=None, max_examples=30)
@given(preferences)
def test_json_and_back(some: Preferences) -> None:
    assert Preferences.from_plain(json.loads(json.dumps(some.to_plain()))) == some


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["overrides", "rules", "defaults", "dismissed"])


@settings(deadline=None)
@given(st.dictionaries(keys, json_values))
def test_anything_else_is_refused_not_crashed_on(plain: dict[str, object]) -> None:
    try:
        assert Preferences.from_plain(plain).to_plain()
    except ValueError as error:
        assert "no preferences" in str(error)


@pytest.mark.parametrize(
    "plain",
    [
        {"overrides": {"a": {"vae": "x"}}},
        {"overrides": {"a": {"checkpoint": "a", "vae": 5}}},
        {"overrides": []},
        {"rules": {"a": 1}},
        {"rules": [{"pattern": " ", "vae": "x"}]},
        {"defaults": {"sd1": "x"}},
        {"dismissed": "abc"},
        {"dismissed": [1]},
    ],
)
def test_damage_is_told(plain: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no preferences"):
        Preferences.from_plain(plain)


def test_a_renamed_checkpoint_keeps_its_override() -> None:
    old, renamed = checkpoint("old.ckpt", fingerprint="1"), checkpoint("new.ckpt", fingerprint="1")
    some = Preferences().with_overrides([old], MSE, ())
    assert some.override_of(renamed) == Override("old.ckpt", MSE)


def test_a_new_version_under_the_old_name_inherits_it() -> None:
    versions = [checkpoint("a.ckpt", fingerprint=str(number)) for number in range(3)]
    some = Preferences().with_overrides(versions[:1], MSE, ())
    assert some.override_of(versions[1], versions[1:2]) == Override("a.ckpt", MSE)
    some = some.with_overrides(versions[1:2], ORANGE, ())
    assert some.override_of(versions[2], versions[2:]) == Override("a.ckpt", ORANGE), "the latest"


def test_another_checkpoint_under_the_old_name_of_a_renamed_one_does_not() -> None:
    old, renamed = checkpoint("a.ckpt", fingerprint="1"), checkpoint("b.ckpt", fingerprint="1")
    other = checkpoint("a.ckpt", fingerprint="2")
    some = Preferences().with_overrides([old], MSE, ())
    assert some.override_of(other, [renamed, other]) is None
    changed = some.with_overrides([other], None, [renamed, other])
    assert changed.override_of(renamed) == Override("a.ckpt", MSE)
    changed = some.with_overrides([other], ORANGE, [renamed, other])
    assert changed.override_of(renamed) == Override("a.ckpt", MSE)
    newest = checkpoint("a.ckpt", fingerprint="3")
    assert changed.override_of(newest) == Override("a.ckpt", ORANGE), "of those that are gone, the latest"
    assert not changed.with_overrides([newest], None, [newest]).overrides


def test_many_at_once_and_taken_away() -> None:
    models = [checkpoint(f"{letter}.ckpt") for letter in "abc"]
    some = Preferences().with_overrides(models, MSE, ()).with_overrides(models[:1], ORANGE, ())
    assert [it and it.vae for it in map(some.override_of, models)] == [ORANGE, MSE, MSE]
    some = some.with_overrides(models[:2], None, ())
    assert [it and it.vae for it in map(some.override_of, models)] == [None, None, MSE]
    assert some.with_overrides(models, PreferredVae(OWN), ()).overrides["content of c.ckpt"].vae.name == OWN


def test_a_checkpoint_that_cannot_be_read_cannot_be_remembered() -> None:
    with pytest.raises(InvalidInput, match="could not be read"):
        Preferences().with_overrides([replace(checkpoint(), fingerprint="")], MSE, ())


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("AOM3*", True),
        ("aom3", True),
        ("*.SAFETENSORS", True),
        ("AOM", False),
        ("*orange*", False),
        ("anime/*", True),
        ("/anime/aom3.safetensors", True),
        ("nime/*", False),
        ("[ab]om?", True),
    ],
)
def test_patterns(pattern: str, fits: bool) -> None:
    assert Rule(pattern, MSE).fits(checkpoint("AOM3.safetensors", folder="/models/Anime")) == fits


@pytest.mark.parametrize("pattern", ["", "  "])
def test_an_empty_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="no pattern"):
        Rule(pattern, MSE)


def test_defaults() -> None:
    some = Preferences().with_default("sd1", MSE).with_default("sdxl", ORANGE).with_default("sd1", None)
    assert some.defaults == {"sdxl": ORANGE}
    with pytest.raises(InvalidInput, match="sd9 is no latent space"):
        Preferences().with_default("sd9", MSE)


def test_hints_are_dismissed_and_wanted_again() -> None:
    some = Preferences().with_dismissed(checkpoint())
    assert some.dismissed == {checkpoint().fingerprint}
    assert some.with_dismissed(checkpoint(), False) == Preferences()


def test_merged() -> None:
    a, b = checkpoint("a.ckpt"), checkpoint("b.ckpt")
    mine = Preferences().with_overrides([a, b], MSE, ()).with_rules([Rule("x*", MSE)]).with_default("sd1", MSE)
    theirs = Preferences().with_overrides([b], ORANGE, ()).with_rules([Rule("y*", MSE), Rule("x*", MSE)])
    both = mine.merged(theirs.with_dismissed(a))
    assert [both.override_of(model).vae for model in (a, b)] == [MSE, ORANGE]  # type: ignore[union-attr]
    assert [rule.pattern for rule in both.rules] == ["y*", "x*"]
    assert both.defaults == {"sd1": MSE} and both.dismissed == {a.fingerprint}


@pytest.mark.parametrize("pattern", ["latin-*", r"latin-\xe9*", r"LATIN-\xE9", r"sub-\xff/latin*"])
def test_a_rule_is_for_names_as_they_are_shown(pattern: str) -> None:
    model = checkpoint("latin-\udce9.ckpt", folder="/models/sub-\udcff")
    assert Rule(pattern, MSE).fits(model)
