"""Raw and scaled latents."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.decoding.latent_spaces import KnownSpace
from vae_workbench.compare.decoding.units import converted
from vae_workbench.errors import InvalidInput
from vae_workbench.identity.verdict import Certainty

LATENTS = torch.randn(1, 4, 2, 2)
UNKNOWN = KnownSpace()


def known(name: str, certainty: Certainty = Certainty.CERTAIN) -> KnownSpace:
    return KnownSpace(LATENT_SPACES[name], certainty, f"That is {name}.")


@pytest.mark.parametrize("scaled", [True, False])
def test_equal_units_need_no_latent_space(scaled: bool) -> None:
    same, notes = converted(LATENTS, from_scaled=scaled, to_scaled=scaled, latent=UNKNOWN, vae=UNKNOWN)
    assert same is LATENTS and notes == ()


@pytest.mark.parametrize("vae", ["sdxl", "sd1"])
def test_there_and_back_by_the_space_of_the_latent(vae: str) -> None:
    """Whatever VAE decodes it."""
    there, notes = converted(LATENTS, from_scaled=False, to_scaled=True, latent=known("sdxl"), vae=known(vae))
    assert torch.equal(there, LATENTS * 0.13025) and notes == ()
    back, _ = converted(there, from_scaled=True, to_scaled=False, latent=known("sdxl"), vae=known(vae))
    assert torch.equal(back, 1.0 / 0.13025 * there), "as the LDM code base has it, to the last bit"


def test_the_surer_space_counts_and_that_is_told() -> None:
    guess = known("sd1", Certainty.GUESS)
    scaled, notes = converted(LATENTS, from_scaled=False, to_scaled=True, latent=guess, vae=known("sdxl"))
    assert torch.equal(scaled, LATENTS * 0.13025)
    assert notes == (
        "Nothing tells the latent space of the latent for sure. It was scaled as one of SDXL, as this VAE is.",
    )


def test_a_guess_is_told_with_its_reason() -> None:
    guess = known("sd1", Certainty.GUESS)
    scaled, notes = converted(LATENTS, from_scaled=False, to_scaled=True, latent=UNKNOWN, vae=guess)
    assert torch.equal(scaled, LATENTS * 0.18215)
    assert notes == ("The latent was scaled as one of SD1 and SD2. That is sd1.",)


def test_spaces_with_a_shift() -> None:
    raw = torch.randn(1, 16, 2, 2)
    scaled, _ = converted(raw, from_scaled=False, to_scaled=True, latent=known("sd3"), vae=known("sd3"))
    assert torch.equal(scaled, (raw - 0.0609) * 1.5305)


def test_nothing_tells() -> None:
    with pytest.raises(InvalidInput, match=r"nothing tells the latent space\. Name it: sd1"):
        converted(LATENTS, from_scaled=True, to_scaled=False, latent=UNKNOWN, vae=UNKNOWN)


def test_a_space_of_other_channels() -> None:
    flux = replace(known("flux1"), reason="It was named.")
    with pytest.raises(InvalidInput, match="16 channels"):
        converted(LATENTS, from_scaled=True, to_scaled=False, latent=flux, vae=UNKNOWN)
