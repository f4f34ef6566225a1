"""What is said of a choice and of the rules."""

from __future__ import annotations

from tests.choice.files import checkpoint, library, vae
from vae_workbench.choice.decide import Source, decide
from vae_workbench.choice.hint import hint
from vae_workbench.choice.preferences import OWN, Preferences, PreferredVae, Rule
from vae_workbench.ui.checkpoints.preference_words import PLACES, choice_badges, decision, rule_list, used

STOCK = "stable-diffusion-v1-5 vae"
MODEL, BARE = checkpoint(known_as=STOCK), checkpoint("bare<b>.ckpt", baked="none")
MSE = vae("mse&.pt")


def test_every_place_has_a_name() -> None:
    assert set(PLACES) == set(Source) - {Source.NOTHING}


def test_the_vae_and_why_it_is_used() -> None:
    none = Preferences()
    assert used(decide(MODEL, "Automatic", none, library(MODEL))) == ("its own", "nothing else is set")
    assert used(decide(MODEL, "mse&.pt", none, library(MODEL, MSE))) == ("mse&.pt", "chosen in the top bar")
    nothing = decide(BARE, "Automatic", none, library(BARE))
    assert used(nothing) == ("none", "no VAE fits")
    assert choice_badges(nothing)[0][:2] == ("no VAE", "error")
    assert choice_badges(decide(BARE, "Automatic", none, library(BARE, MSE)))[0][:2] == ("see why", "warning")
    assert choice_badges(decide(MODEL, "Automatic", none, library(MODEL, MSE))) == ()


def test_the_decision_is_told_step_by_step_and_one_is_taken() -> None:
    preferences = Preferences(rules=(Rule("bare*", PreferredVae("gone<i>.pt")),))
    html = decision(BARE, decide(BARE, "Automatic", preferences, library(BARE, MSE)), None)
    assert html.count("class='vaewb-taken'") == 1
    places = [html.index(f"<span>{place}</span>") for place in ("override", "rules by name", "best match")]
    assert places == sorted(places)
    assert "gone&lt;i&gt;.pt" in html and "mse&amp;.pt" in html
    assert "<i>" not in html and "bare<b>" not in html
    assert "top bar" not in html, "it says nothing, and the app has none"
    assert "top bar" in decision(BARE, decide(BARE, "mse&.pt", preferences, library(BARE, MSE)), None)


def test_a_hint_can_be_followed_or_dismissed() -> None:
    shelf = library(MODEL, MSE)
    choice = decide(MODEL, "Automatic", Preferences(), shelf)
    advice = hint(MODEL, choice, Preferences(), shelf)
    html = decision(MODEL, choice, advice)
    assert advice and "mse&amp;.pt may give better pictures." in html
    assert "&quot;do&quot;: &quot;dismiss&quot;" in html and "&quot;vae&quot;: &quot;mse&amp;.pt&quot;" in html
    assert "data-vaewb-order" not in decision(MODEL, choice, None)


def test_rules_can_be_moved_but_not_off_the_ends() -> None:
    rules = [Rule(pattern, PreferredVae(name)) for pattern, name in (("a*", "mse.pt"), ("<b>", OWN), ("c", "x.pt"))]
    html = rule_list(rules, [2, 0, 1])
    assert [html.count(arrow) for arrow in "↑↓✕"] == [2, 2, 3]
    assert "&lt;b&gt;</code> → the checkpoint&#x27;s own VAE <small>fits none so far" in html
    assert rule_list([], []) == ""
