"""Names and shapes of LDM and diffusers, both ways, to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.edit.files import decoded, latents, made, metadata_of, same, saved
from tests.identity.files import TAESD, checkpoint, in_diffusers_names, prefixed, save, small_kl
from vae_workbench.edit.steps.rename import Rename
from vae_workbench.errors import InvalidInput


def test_there_and_back_is_the_same_to_the_bit(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl())
    there = made(source, Rename("diffusers"))
    assert same(load_file(there), in_diffusers_names(small_kl()))
    assert same(load_file(made(there, Rename("ldm"))), small_kl())


def test_diffusers_opens_it(tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    folder = tmp_path / "vae"
    folder.mkdir()
    config = {
        "_class_name": "AutoencoderKL",
        "block_out_channels": [32, 32, 32, 32],
        "layers_per_block": 1,
        "latent_channels": 4,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    }
    (folder / "config.json").write_text(json.dumps(config))
    source = save(tmp_path / "vae.ckpt", small_kl(), "torch-zip")
    made(source, Rename("diffusers"), target=folder / "diffusion_pytorch_model.safetensors")
    theirs, told = diffusers.AutoencoderKL.from_pretrained(folder, output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    with torch.no_grad():
        picture = theirs.decode(latents()).sample
    assert torch.allclose(picture, decoded(made(source, Rename("ldm")), latents()), atol=1e-4)


def test_an_odd_prefix_and_strangers_are_left_out(tmp_path: Path) -> None:
    extra = {"loss.logvar": torch.zeros(1), "model_ema.decay": torch.ones(1)}
    source = save(tmp_path / "vae.safetensors", prefixed(small_kl(), "module.") | extra)
    result = saved(source, Rename("ldm"))
    assert same(load_file(result.path), small_kl())
    assert any("2 tensors that are no part of the VAE" in note for note in result.notes)


def test_in_a_checkpoint_the_vae_alone_is_renamed(tmp_path: Path) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", in_diffusers_names(small_kl()), "vae."))
    assert same(load_file(made(source, Rename("ldm"))), checkpoint("sd1", small_kl()))
    with pytest.raises(InvalidInput, match="Extract the VAE"):
        made(source, Rename("diffusers"))


@pytest.mark.skipif(not TAESD.exists(), reason="the published files are not there")
@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_the_published_taesd(half: str, tmp_path: Path) -> None:
    source = TAESD / f"taesd_{half}.safetensors"
    there = made(source, Rename("diffusers"), target=tmp_path / "there.safetensors")
    assert all(name.startswith(f"{half}.layers.") for name in load_file(there))
    assert same(load_file(made(there, Rename("ldm"))), load_file(source))


def test_the_title_and_other_metadata_stay(tmp_path: Path) -> None:
    source = save(tmp_path / "v.safetensors", small_kl(), metadata={"modelspec.title": "Mine", "note": "ü"})
    told = metadata_of(made(source, Rename("diffusers")))
    assert told["modelspec.title"] == "Mine" and told["note"] == "ü" and told["format"] == "pt"


@pytest.mark.parametrize("tensors", [{"w": torch.zeros(2)}, checkpoint("sd1", {})])
def test_without_a_vae_there_is_a_sentence(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(InvalidInput, match="holds no VAE"):
        made(save(tmp_path / "x.safetensors", tensors), Rename("ldm"))
