"""A picture that is made anew from its infotext: the same latent, or that of another checkpoint."""

from __future__ import annotations

import pytest
import torch
from modules import shared, shared_state

from tests.webui.generations.jobs import decoded, equal
from tests.webui.generations.jobs import generate as generate_picture
from tests.webui.world import REAL, World
from vae_workbench.compare.sources.generations import Generation
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import silent
from vae_workbench.webui import options
from vae_workbench.webui.generations.keep import KEPT
from vae_workbench.webui.generations.remake import generate

pytestmark = pytest.mark.skipif(bool(REAL), reason="its fields of txt2img come from its page, which is not built here")


@pytest.fixture
def kept(keeping: World) -> Generation:
    """A picture that was made with the checkpoint in use."""
    generate_picture(seed=7, steps=3, width=128, prompt="a cat\n<on> a mat")
    (generation,) = KEPT.newest()
    return generation


def test_the_same_checkpoint_makes_the_same(keeping: World, kept: Generation) -> None:
    made = generate(kept.infotext, "", silent)
    assert torch.equal(made.latents, kept.latents) and made.space is kept.space
    assert (made.infotext, made.made_by, made.checkpoint) == (kept.infotext, kept.made_by, kept.checkpoint)
    assert equal(made.picture, decoded(kept)) and KEPT.newest()[0] is made


@pytest.mark.parametrize("named", ["tiny2.safetensors", "its path"])
def test_another_checkpoint_makes_its_own_and_the_one_in_use_stays(
    keeping: World, kept: Generation, named: str
) -> None:
    """Its VAE is not that of the infotext, and settings are as they were."""
    keeping.select("b.safetensors")
    told: list[float] = []
    path = keeping.path("tiny2.safetensors") if named == "its path" else named
    made = generate(kept.infotext, path, lambda fraction, _: told.append(fraction))
    assert made.checkpoint == "tiny2.safetensors" and made.made_by == "b.safetensors"
    assert equal(made.picture, decoded(made)) and "Model: tiny2" in made.infotext and "Seed: 7" in made.infotext
    assert told[-1] == pytest.approx(2 / 3) and told == sorted(told)
    assert shared.opts.sd_model_checkpoint == "tiny.safetensors" and shared.opts.sd_vae == "b.safetensors"
    assert shared_state.State.job == shared.state.job == ""


def test_without_memory_for_generations_it_is_made_all_the_same(keeping: World, kept: Generation) -> None:
    shared.opts.data[options.KEPT_MEGABYTES] = 0
    assert generate(kept.infotext, "", silent).picture
    assert KEPT.newest() == []


def test_a_cancel_stops_between_two_steps(keeping: World, kept: Generation) -> None:
    def progress(fraction: float, _what: str) -> None:
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        generate(kept.infotext, "", progress)
    assert KEPT.newest() == [kept] and not shared.state.job
    generate(kept.infotext, "", silent)  # nothing of it is left


@pytest.mark.parametrize(
    ("infotext", "checkpoint", "sentence"),
    [
        ("", "", "does not say how it was made"),
        ("a cat", "", "does not say how it was made"),
        ("a cat\nSteps: 3, Sampler: Euler, Size: 64x64", "", "does not say how it was made"),
        ("a cat\nSteps: 3, Seed: 1, Size: 64x64, Denoising strength: 0.5", "", "made from another one"),
        ("a cat\nSteps: 3, Seed: 1, Size: 64x64", "gone", "There is no checkpoint gone"),
    ],
)
def test_what_cannot_be_made_is_told(keeping: World, infotext: str, checkpoint: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        generate(infotext, checkpoint, silent)
