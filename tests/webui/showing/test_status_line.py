"""What a person reads below the selector."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest
from modules import sd_vae, shared
from safetensors.torch import save_file

from tests.webui.world import World
from vae_workbench.choice.fit import STOCK
from vae_workbench.precision.plan import HalfPlan, Plan, Precision
from vae_workbench.webui.guarding import guard
from vae_workbench.webui.guarding import options as guard_options
from vae_workbench.webui.library import library
from vae_workbench.webui.showing import status_line
from vae_workbench.webui.showing.active_vae import Active, active
from vae_workbench.webui.showing.status_line import as_html
from vae_workbench.webui.switching.loaded_vae import PREFIX
from vae_workbench.weights.reader import load_tensors

NOW = Active("AOM3.safetensors", "orangemix.pt", None, "/vaes/orangemix.pt", "override for AOM3", "fp16", "fp16")


def test_one_quiet_line() -> None:
    assert "orangemix.pt — override for AOM3 · fp16" in as_html(NOW)
    assert "amber" not in as_html(NOW) and "vaewb-message" not in as_html(NOW)


def test_both_halves_are_told_where_they_differ() -> None:
    changed = replace(NOW, decoder_precision="fp16 rescaled", encoder_precision="fp32")
    assert "· fp16 rescaled, encoder fp32<" in as_html(changed) and "· fp16<" in as_html(NOW)


def test_a_model_without_a_vae_is_not_called_no_model() -> None:
    told = as_html(replace(NOW, vae=None, usable=False, error="No VAE fits AOM3."))
    assert "no VAE for AOM3.safetensors<" in told and "⚠ No VAE fits AOM3.<" in told
    assert "baked" not in told and "no checkpoint" not in told and "amber" in told


def test_a_path_that_is_not_utf8_is_shown_escaped() -> None:
    """The page died of it."""
    as_html(replace(NOW, path="/vaes/\udc83.pt")).encode()
    assert ">/vaes/\\x83.pt<" in as_html(replace(NOW, path="/vaes/\udc83.pt"))


def test_the_checkpoints_own_is_told_by_its_published_name() -> None:
    baked = replace(NOW, vae=None, known_as="kl-f8-anime2")
    assert "baked: kl-f8-anime2 — " in as_html(baked)
    assert "baked — " in as_html(replace(baked, known_as=None))


def test_of_what_was_overruled_guessed_or_refused_the_sentence_alone_is_amber() -> None:
    for changed in (replace(NOW, warnings=("It was guessed.",)), replace(NOW, error="It was guessed.")):
        told = as_html(changed)
        assert "<span class='vaewb-active-now'>orangemix.pt</span>" in told
        assert "<span class='vaewb-active-amber'>⚠ It was guessed.</span>" in told
        assert "It was guessed.</p>" in told, "whole in the panel"


def test_a_hint_is_quiet() -> None:
    told = as_html(replace(NOW, hint="Another one may be better."))
    assert "Another one may be better.</p>" in told and "amber" not in told


def test_what_was_refused_can_be_had_all_the_same_where_that_helps() -> None:
    refused = replace(NOW, error="It is for SDXL.")
    assert "Use it all the same" not in as_html(refused)
    assert "Use it all the same" in as_html(replace(refused, offer="sdxl.pt")) and "sdxl.pt" in as_html(
        replace(refused, offer="sdxl.pt")
    )


def test_the_panel_tells_why_and_offers_what_fits(world: World) -> None:
    world.load("tiny.safetensors")
    told = html.unescape(status_line._now())
    assert "Why this one?" in told and "Others that fit" in told
    orders = [json.loads(order) for order in re.findall(r"data-vaewb-line='([^']+)'", told)]
    offered = [order["vae"] for order in orders]
    assert "a.safetensors" in offered and not any(name.startswith("bad") for name in offered)
    assert json.loads(re.findall(r"data-vaewb-compare='([^']+)'", told)[0]) == [
        name for name in offered if name != "Automatic"
    ]


def order(**given: object) -> str:
    """What the page gets after a button was pressed."""
    line, _ = status_line._obey(json.dumps(given))
    return html.unescape(line)


def test_a_vae_is_used_from_the_panel(world: World) -> None:
    world.load("tiny.safetensors")
    assert "a.safetensors — chosen" in order(do="use", vae="a.safetensors")
    assert shared.opts.sd_vae == "a.safetensors"
    assert "Back to Automatic" in status_line._now()
    refused = order(do="use", vae="bad wide.safetensors")
    assert "data-toast='bad wide.safetensors cannot be used" in refused and "a.safetensors" in refused
    assert shared.opts.sd_vae == "a.safetensors"
    order(do="use", vae="Automatic")
    assert shared.opts.sd_vae == "Automatic"


@pytest.mark.parametrize("text", ["", "{}", "[1]", '"use"', '{"do": "use"}'])
def test_an_order_of_another_version_is_told(world: World, text: str) -> None:
    world.load("tiny.safetensors")
    line, _ = status_line._obey(text)
    assert "Load the page again" in line


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


def test_the_precision_is_what_the_next_picture_is_decoded_in(world: World) -> None:
    """The line said "fp16 rescaled" of a VAE whose decoder ran in fp32."""
    world.load("tiny.safetensors")
    guard.install(world.model)
    vae_guard = guard.guard_of(world.model)
    sketch = vae_guard and vae_guard.identity.sketch_id
    assert sketch
    world.model.first_stage_model.half()
    cases: list[tuple[list[str], HalfPlan, str]] = [
        (guard_options.FIRST, HalfPlan(), "fp16"),
        (guard_options.FIRST, HalfPlan(Precision.RESCALED), "fp32, encoder fp16"),
        (guard_options.FIRST, HalfPlan(Precision.RESCALED, {"decoder.conv_in": 3}), "fp16 rescaled, encoder fp16"),
        ([guard_options.FP32], HalfPlan(Precision.RESCALED, {"decoder.conv_in": 3}), "fp32, encoder fp16"),
        (guard_options.FIRST, HalfPlan(Precision.FP32), "fp32, encoder fp16"),
    ]
    for rungs, decoder, told in cases:
        shared.opts.data[guard_options.RUNGS] = rungs
        guard.plans().keep(sketch, Plan(decoder=decoder))
        now = active()
        assert now and now.precision == told
    guard.plans().keep(sketch, Plan(pinned="fp16 rescaled"))
    now = active()
    assert now and now.precision == "fp32"
    world.model.first_stage_model.float()
    guard.unregister()


def test_names_of_files_are_text() -> None:
    assert "<b>" not in as_html(replace(NOW, vae="<b>.pt", path="'<b>", error="<b>", warnings=("<b>",)))


def test_without_a_checkpoint() -> None:
    assert "no checkpoint" in as_html(None)
