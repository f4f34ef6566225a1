"""Raw and scaled latents."""

from __future__ import annotations

import pytest
import torch

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.units import converted
from vae_workbench.errors import InvalidInput

LATENTS = torch.randn(1, 4, 2, 2)


@pytest.mark.parametrize("scaled", [True, False])
def test_equal_units_need_no_latent_space(scaled: bool) -> None:
    same, notes = converted(LATENTS, from_scaled=scaled, to_scaled=scaled, file_names=("a", "b"), latent_space=None)
    assert same is LATENTS and notes == ()


def test_there_and_back_by_the_named_space() -> None:
    space = LATENT_SPACES["sdxl"]
    there, notes = converted(LATENTS, from_scaled=False, to_scaled=True, file_names=("a", "b"), latent_space=space)
    assert torch.allclose(there, LATENTS * 0.13025) and notes == ()
    back, _ = converted(there, from_scaled=True, to_scaled=False, file_names=("a", "b"), latent_space=space)
    assert torch.allclose(back, LATENTS)


@pytest.mark.parametrize(
    ("name", "channels", "scale", "shift"),
    [("taesd_decoder.safetensors", 4, 0.18215, 0), ("TAESDXL.pt", 4, 0.13025, 0), ("taesd3_encoder", 16, 1.5305, 0.0609),
     ("my-taef1.safetensors", 16, 0.3611, 0.1159)],
)  # fmt: skip
def test_published_names_are_a_guess_that_is_told(name: str, channels: int, scale: float, shift: float) -> None:
    raw = torch.randn(1, channels, 2, 2)
    scaled, notes = converted(
        raw, from_scaled=False, to_scaled=True, file_names=("kl.safetensors", name), latent_space=None
    )
    assert torch.allclose(scaled, (raw - shift) * scale)
    assert len(notes) == 1 and "guess" in notes[0] and name in notes[0]


def test_names_that_tell_nothing() -> None:
    with pytest.raises(InvalidInput, match=r"a\.pt and b\.pt .* Name the latent space: sd1"):
        converted(LATENTS, from_scaled=True, to_scaled=False, file_names=("a.pt", "b.pt"), latent_space=None)


def test_a_space_of_other_channels() -> None:
    with pytest.raises(InvalidInput, match="16 channels"):
        converted(
            LATENTS, from_scaled=True, to_scaled=False, file_names=("a", "b"), latent_space=LATENT_SPACES["flux1"]
        )
