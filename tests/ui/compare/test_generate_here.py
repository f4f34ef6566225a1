"""Pictures that are made anew with several checkpoints and then compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import torch
from PIL import Image

from tests.small_vaes import save_small_kl
from tests.ui.workbenches import workbench
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.sources.generations import Generation
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import Progress, silent
from vae_workbench.ui.compare.comparisons import Comparisons
from vae_workbench.ui.compare.generate_here import IN_USE, prompts_from
from vae_workbench.ui.compare.page import ComparePage
from vae_workbench.ui.compare.vae_picker import OWN_ENCODER
from vae_workbench.ui.shared.work_line import Outcome

ID = "0123456789abcdef" * 2
FACE = {"kind": "built-in", "id": "face", "name": "face"}
PROMPTS = json.dumps([{"name": name, "infotext": f"{name}\nSteps: 1, Seed: 1"} for name in ("cat", "dog")])


def generate(infotext: str, checkpoint: str, progress: Progress) -> Generation:
    """What the web UI does, at no cost: the picture is of the prompt and the checkpoint."""
    if checkpoint == "broken.ckpt":
        raise RuntimeError("sizes do not match")
    progress(0.5, "sampling")
    seed = sum(infotext.encode()) + sum(checkpoint.encode())
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    name = checkpoint or "first.ckpt"
    return Generation(latents, LATENT_SPACES["sd1"], Image.new("RGB", (64, 64)), infotext, "own", checkpoint=name)


@pytest.fixture
def page(tmp_path: Path) -> ComparePage:
    vae = Candidate("vae.safetensors", save_small_kl(tmp_path / "vae.safetensors"))
    bench = workbench(
        tmp_path,
        comparisons=Comparisons(tmp_path / "comparisons"),
        generate=generate,
        list_checkpoints=lambda: [Candidate(name, f"{name}.ckpt") for name in ("second", "broken")],
    )
    with gr.Blocks():
        return ComparePage.build(replace(bench, list_vaes=lambda: [vae]))


def generated(
    page: ComparePage, prompts: str, *checkpoints: str, vaes: str = '["vae.safetensors"]', progress: Progress = silent
) -> Outcome:
    """What a click on the button brings."""
    chosen = (json.dumps([FACE]), vaes, OWN_ENCODER, 64, "auto", "", ID)
    return page._generate(progress, prompts, list(checkpoints), *chosen)


def items(outcome: Outcome) -> list[dict[str, str]]:
    assert outcome.values
    told = json.loads(outcome.values[0])
    assert told["comparison"] == ID
    return list(told["items"])


def test_prompts_by_checkpoints_are_made_and_compared(page: ComparePage) -> None:
    outcome = generated(page, PROMPTS, IN_USE, "second")
    names = ["cat · first.ckpt", "cat · second.ckpt", "dog · first.ckpt", "dog · second.ckpt"]
    assert [item["name"] for item in items(outcome)] == names
    assert {item["kind"] for item in items(outcome)} == {"own"}, "they stay, also when the web UI keeps them no longer"
    assert items(outcome)[2]["infotext"] == "dog\nSteps: 1, Seed: 1"
    folder = page.workbench.comparisons.open(ID)
    assert [source.name for source in folder.sources.values()] == ["face", *names]
    made = [source for source in folder.sources.values() if source.kind == "generation"]
    assert [source.checkpoint for source in made] == ["first.ckpt", "second.ckpt"] * 2
    assert [cell.state for cell in folder.cells.values()] == ["done"] * 5
    assert "on 5 pictures" in outcome.told


def test_a_checkpoint_that_fails_fails_alone(page: ComparePage) -> None:
    outcome = generated(page, PROMPTS, "broken", "gone", "second")
    assert [item["name"] for item in items(outcome)] == ["cat · second.ckpt", "dog · second.ckpt"]
    assert "on 3 pictures" in outcome.told
    assert "cat with broken: " in outcome.told and "sizes do not match" in outcome.told
    assert "gone is no longer there" in outcome.told


def test_where_all_fail_nothing_is_compared(page: ComparePage) -> None:
    outcome = generated(page, PROMPTS, "broken")
    assert items(outcome) == [] and "dog with broken: " in outcome.told
    assert page.workbench.comparisons.known(ID) is None


def test_what_was_made_before_a_cancel_is_kept(page: ComparePage) -> None:
    def progress(_fraction: float, what: str) -> None:
        if what.startswith("dog"):
            raise Cancelled

    outcome = generated(page, PROMPTS, "second", progress=progress)
    assert "cancelled" in outcome.told and [item["name"] for item in items(outcome)] == ["cat · second.ckpt"]
    assert [source.name for source in page.workbench.comparisons.added(ID).sources.values()] == ["cat · second.ckpt"]


@pytest.mark.parametrize(
    ("prompts", "checkpoints", "sentence"),
    [
        ("[]", [IN_USE], "None of the pictures chosen"),
        (json.dumps([{"name": "cat", "infotext": " \n"}]), [IN_USE], "None of the pictures chosen"),
        (PROMPTS, [], "No checkpoint was chosen"),
    ],
)
def test_what_is_missing_is_said(page: ComparePage, prompts: str, checkpoints: list[str], sentence: str) -> None:
    assert sentence in generated(page, prompts, *checkpoints).told


def test_without_a_vae_nothing_is_sampled(page: ComparePage) -> None:
    with pytest.raises(InvalidInput, match="No VAE was chosen"):
        generated(page, PROMPTS, IN_USE, vaes="[]")
    assert page.workbench.comparisons.known_added(ID) is None


@pytest.mark.parametrize("text", ["", "7", "[7]", '[{"name": "cat"}]'])
def test_anything_else_than_prompts_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="did not arrive"):
        prompts_from(text)


def test_it_is_offered_only_where_pictures_are_made(page: ComparePage, tmp_path: Path) -> None:
    assert page.generating.panel.visible
    with gr.Blocks():
        assert not ComparePage.build(workbench(tmp_path)).generating.panel.visible
