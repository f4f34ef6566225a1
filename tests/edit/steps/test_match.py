"""The look of one VAE on another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.edit.files import decoded, latents, made, saved
from tests.identity.files import TAESD, save, small_kl
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.steps.match import MatchLook
from vae_workbench.edit.steps.tone import Tone
from vae_workbench.errors import InvalidInput

GENERATOR = torch.Generator().manual_seed(5)
PICTURES = tuple(torch.rand(1, 3, size, 40, generator=GENERATOR) * 2 - 1 for size in (32, 40, 45))


@pytest.mark.parametrize("pictures", [PICTURES, PICTURES[:1]], ids=["three sources", "one source"])
def test_the_look_is_found_and_carried_over(tmp_path: Path, pictures: tuple[torch.Tensor, ...]) -> None:
    source = save(tmp_path / "a.safetensors", small_kl())
    like = made(source, Tone(ColourChange.of(saturation=1.4, brightness=0.05)))
    result = saved(source, MatchLook(like, pictures))
    assert torch.allclose(decoded(result.path, latents()), decoded(like, latents()), atol=1e-3)
    told = result.done[0]
    assert isinstance(told, dict) and told["before"] > 1 and told["after"] < 0.05
    assert any("as measured on" in note for note in result.notes)


def test_unlike_networks_come_nearer(tmp_path: Path) -> None:
    source = save(tmp_path / "a.safetensors", small_kl(0))
    told = saved(source, MatchLook(save(tmp_path / "b.safetensors", small_kl(1)), PICTURES)).done[0]
    assert isinstance(told, dict) and told["after"] < told["before"]


@pytest.mark.skipif(not TAESD.exists(), reason="the published files are not there")
def test_halves_that_cannot_be_compared(tmp_path: Path) -> None:
    source = save(tmp_path / "a.safetensors", small_kl(0))
    with pytest.raises(InvalidInput, match="have not the halves"):
        made(source, MatchLook(TAESD / "taesd_encoder.safetensors", PICTURES))


def test_no_pictures(tmp_path: Path) -> None:
    source = save(tmp_path / "a.safetensors", small_kl(0))
    with pytest.raises(InvalidInput, match="missing"):
        made(source, MatchLook(source, ()))
    assert load_file(source).keys() == small_kl().keys()
