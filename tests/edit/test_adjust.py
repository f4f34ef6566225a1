"""Colour edits are exact: the edited VAE decodes what the original decodes, with its colours changed."""

from __future__ import annotations

import math

import pytest
import torch

from tests.small_vaes import small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.edit.adjust import LUMA, ColourChange, adjust_decoder
from vae_workbench.errors import InvalidInput


def decoded(tensors: dict[str, torch.Tensor], latents: torch.Tensor) -> torch.Tensor:
    """Pictures in 0..1."""
    with torch.inference_mode():
        return load_autoencoder(tensors).decode(latents) / 2 + 0.5


@pytest.mark.parametrize(
    "change",
    [
        ColourChange.of(saturation=0.4),
        ColourChange.of(contrast=1.3, brightness=-0.1),
        ColourChange(torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]), torch.tensor([0.1, 0.0, -0.2])),
    ],
    ids=["saturation", "contrast and brightness", "channels swapped"],
)
def test_the_edit_equals_the_change_of_the_picture(change: ColourChange) -> None:
    tensors, latents = small_kl(), torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    expected = torch.einsum("rc,bchw->brhw", change.matrix, decoded(tensors, latents)) + change.offset.view(1, 3, 1, 1)
    assert torch.allclose(decoded(adjust_decoder(tensors, change), latents), expected, atol=1e-5)


def test_saturation_zero_is_grey_of_the_same_luma() -> None:
    change = ColourChange.of(saturation=0.0)
    colour = torch.tensor([0.2, 0.7, 0.4])
    assert torch.allclose(change.matrix @ colour + change.offset, (LUMA @ colour).expand(3))


def test_nothing_asked_changes_nothing_and_the_source_is_untouched() -> None:
    tensors = small_kl()
    before = {name: value.clone() for name, value in tensors.items()}
    adjusted = adjust_decoder(tensors, ColourChange.of())
    assert adjusted.keys() == tensors.keys()
    assert all(torch.allclose(adjusted[name], before[name], atol=1e-7) for name in before)
    adjust_decoder(tensors, ColourChange.of(saturation=2))
    assert all(torch.equal(tensors[name], before[name]) for name in before)


def test_the_precision_of_the_file_is_kept() -> None:
    halved = {name: value.half() for name, value in small_kl().items()}
    assert {value.dtype for value in adjust_decoder(halved, ColourChange.of(contrast=2)).values()} == {torch.float16}


def test_without_a_decoder_there_is_a_sentence() -> None:
    with pytest.raises(InvalidInput, match="no decoder"):
        adjust_decoder({"encoder.conv_in.weight": torch.zeros(1)}, ColourChange.of())


@pytest.mark.parametrize("name", ["saturation", "contrast", "brightness", "temperature", "tint", "hue", "gamma"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_are_none_are_refused(name: str, value: float) -> None:
    """An infinite hue ended in "math domain error", and an infinite gamma made every picture white."""
    with pytest.raises(InvalidInput, match="no change of colours"):
        ColourChange.of(**{name: value})
