"""What a person reads below the selector."""

from __future__ import annotations

from dataclasses import replace

from modules import sd_vae
from safetensors.torch import save_file

from tests.webui.world import World
from vae_workbench.choice.fit import STOCK
from vae_workbench.webui.library import library
from vae_workbench.webui.own_vae import PREFIX
from vae_workbench.webui.status_line import as_html
from vae_workbench.webui.truth import Active, active
from vae_workbench.weights.reader import load_tensors

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


def test_a_hint_is_quiet() -> None:
    told = as_html(replace(NOW, hint="Another one may be better."))
    assert "<small>Another one may be better.</small>" in told and "amber" not in told


def test_a_better_vae_than_the_stock_one_is_hinted_at(world: World) -> None:
    world.load("tiny.safetensors")
    now = active()
    assert now and now.hint == ""
    weights = load_tensors(world.path("tiny2.safetensors"))
    vae = {name.removeprefix(PREFIX): tensor for name, tensor in weights.items() if name.startswith(PREFIX)}
    save_file(vae, world.vaes / "good.safetensors")
    sd_vae.refresh_vae_list()
    stock = library().entry(world.path("tiny.safetensors")).verdict.baked
    assert stock and stock.sketch_id
    library().entitle(stock.sketch_id, min(STOCK))
    now = active()
    assert now and "good.safetensors may give better pictures" in now.hint
    world.select("good.safetensors")
    now = active()
    assert now and now.hint == ""


def test_names_of_files_are_text() -> None:
    assert "<b>" not in as_html(replace(NOW, vae="<b>.pt", path="'<b>", error="<b>", warnings=("<b>",)))


def test_without_a_checkpoint() -> None:
    assert "no checkpoint" in as_html(None)
