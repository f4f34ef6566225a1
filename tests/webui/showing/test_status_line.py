"""What a person reads below the selector."""

from __future__ import annotations

from dataclasses import replace

from modules import sd_vae, shared
from safetensors.torch import save_file

from tests.webui.world import World
from vae_workbench.choice.fit import STOCK
from vae_workbench.precision.plan import HalfPlan, Plan, Precision
from vae_workbench.webui.guarding import guard
from vae_workbench.webui.guarding import options as guard_options
from vae_workbench.webui.library import library
from vae_workbench.webui.showing.active_vae import Active, active
from vae_workbench.webui.showing.status_line import as_html
from vae_workbench.webui.switching.loaded_vae import PREFIX
from vae_workbench.weights.reader import load_tensors

NOW = Active("AOM3.safetensors", "orangemix.pt", None, "/vaes/orangemix.pt", "override for AOM3", "fp16", "fp16")


def test_one_quiet_line() -> None:
    assert "orangemix.pt — override for AOM3 · fp16" in as_html(NOW)
    assert "amber" not in as_html(NOW) and "small" not in as_html(NOW)


def test_both_halves_are_told_where_they_differ() -> None:
    changed = replace(NOW, decoder_precision="fp16 rescaled", encoder_precision="fp32")
    assert "· fp16 rescaled, encoder fp32<" in as_html(changed) and "· fp16<" in as_html(NOW)


def test_a_model_without_a_vae_is_not_called_no_model() -> None:
    told = as_html(replace(NOW, vae=None, usable=False, error="No VAE fits AOM3."))
    assert "no VAE for AOM3.safetensors<" in told and "<small>No VAE fits AOM3.</small>" in told
    assert "baked" not in told and "no checkpoint" not in told and "amber" in told


def test_a_path_that_is_not_utf8_is_shown_escaped() -> None:
    """The page died of it."""
    as_html(replace(NOW, path="/vaes/\udc83.pt")).encode()
    assert "title='/vaes/\\x83.pt'" in as_html(replace(NOW, path="/vaes/\udc83.pt"))


def test_the_checkpoints_own_is_told_by_its_published_name() -> None:
    baked = replace(NOW, vae=None, known_as="kl-f8-anime2")
    assert "baked: kl-f8-anime2 — " in as_html(baked)
    assert "baked — " in as_html(replace(baked, known_as=None))


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
