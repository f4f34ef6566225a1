"""A VAE that a person names, checked before it becomes a preference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.choice.files import C, broken, checkpoint, library, vae
from vae_workbench.choice.assign import LikelyMisfit, preferred_vae
from vae_workbench.choice.preferences import OWN, PreferredVae
from vae_workbench.errors import InvalidInput

MODEL, BARE, XL = checkpoint(), checkpoint("bare.ckpt", baked="none"), checkpoint("xl.ckpt", "sdxl")
TWINS = [replace(vae("twin.pt", folder=f"/models/VAE/{name}"), name=f"{name}/twin.pt") for name in "ab"]
CUT = vae("cut.pt", warnings=("Half of it is zeros.",))
DOUBTFUL = vae("perhaps.pt", "sdxl", C.LIKELY)
HALF, DEPTH = vae("half.pt", halves=("decoder",)), vae("depth.pt", image_channels=(6, 6))
SHELF = library(HALF, DEPTH, MODEL, BARE, XL, vae("mse.pt"), DOUBTFUL, CUT, broken("broken.pt"), *TWINS)


def test_a_vae_is_known_again_by_its_weights() -> None:
    assert preferred_vae("mse.pt", [MODEL, BARE], SHELF) == PreferredVae("mse.pt", "sketch of mse.pt")
    assert preferred_vae(OWN, [MODEL, XL], SHELF) == PreferredVae(OWN)
    assert preferred_vae("b/twin.pt", [], SHELF).name == "b/twin.pt"
    assert preferred_vae("perhaps.pt", [MODEL], SHELF, force=True) == PreferredVae.of(DOUBTFUL, force=True)


def test_what_is_probably_damaged_is_asked_about() -> None:
    """A VAE that was downloaded in part was set for a checkpoint without a word."""
    with pytest.raises(LikelyMisfit) as asked:
        preferred_vae("cut.pt", [MODEL], SHELF)
    assert asked.value.what == "cut.pt: Half of it is zeros"
    assert preferred_vae("cut.pt", [MODEL], SHELF, force=True) == PreferredVae.of(CUT, force=True)
    assert preferred_vae("cut.pt", [], SHELF) == PreferredVae.of(CUT), "rules have nothing to confirm"


@pytest.mark.parametrize(
    ("name", "models", "force", "sentence"),
    [
        ("nope.pt", [MODEL], False, "There is no VAE called nope.pt. Choose one of the list, or refresh it."),
        ("twin.pt", [MODEL], False, "Several files are called twin.pt. Choose a/twin.pt or b/twin.pt."),
        ("broken.pt", [MODEL], False, "broken.pt cannot be used: 3 tensors are missing. Choose another one."),
        ("bare.ckpt", [MODEL], False, "bare.ckpt cannot be used: bare holds no VAE. Choose another one."),
        ("half.pt", [MODEL], True, "half.pt does not fit: it is only the decoder of a VAE. Choose another one."),
        ("half.pt", [], False, "half.pt cannot be used: it is only the decoder of a VAE. Choose another one."),
        (
            "depth.pt",
            [BARE],
            True,
            "depth.pt does not fit: its pictures have 6 channels, and those of the web UI have 3: red, green and blue. "
            "Choose another one.",
        ),
        ("no\udce9.pt", [], False, r"There is no VAE called no\xe9.pt. Choose one of the list, or refresh it."),
        (OWN, [MODEL, BARE], False, "The checkpoint's own VAE cannot be used: bare holds no VAE. Choose a file."),
        (
            "mse.pt",
            [MODEL, XL],
            True,
            "mse.pt does not fit: it is for SD1 and SD2, and xl is for SDXL. Choose another one.",
        ),
        (
            "perhaps.pt",
            [XL, MODEL],
            False,
            "perhaps.pt does not fit: it is probably for SDXL, and AOM3 is for SD1 and SD2. "
            "Confirm it if you want it all the same.",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(name: str, models: list, force: bool, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        preferred_vae(name, models, SHELF, force=force)
    assert str(refused.value) == sentence
