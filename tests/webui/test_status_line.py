"""What a person reads below the selector."""

from __future__ import annotations

from dataclasses import replace

from vae_workbench.webui.status_line import as_html
from vae_workbench.webui.truth import Active

NOW = Active("AOM3.safetensors", "orangemix.pt", None, "/vaes/orangemix.pt", "override for AOM3", "fp16")


def test_one_quiet_line() -> None:
    assert "orangemix.pt — override for AOM3 · fp16" in as_html(NOW)
    assert "amber" not in as_html(NOW) and "small" not in as_html(NOW)


def test_the_checkpoints_own_is_told_by_its_published_name() -> None:
    own = replace(NOW, vae=None, known_as="kl-f8-anime2")
    assert "baked: kl-f8-anime2 — " in as_html(own)
    assert "baked — " in as_html(replace(own, known_as=None))


def test_what_was_overruled_guessed_or_refused_is_amber() -> None:
    for changed in (replace(NOW, warnings=("It was guessed.",)), replace(NOW, error="It was guessed.")):
        assert "vaewb-active-amber" in as_html(changed) and "<small>It was guessed.</small>" in as_html(changed)


def test_names_of_files_are_text() -> None:
    assert "<b>" not in as_html(replace(NOW, vae="<b>.pt", path="'<b>", error="<b>", warnings=("<b>",)))


def test_without_a_checkpoint() -> None:
    assert "no checkpoint" in as_html(None)
