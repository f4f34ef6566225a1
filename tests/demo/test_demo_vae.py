"""The committed demo VAE: complete, small, in the latent space of SD1, and good enough to look at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from demo.pictures import HELD_OUT, PHOTOS, photo
from vae_workbench.autoencoder.autoencoder import Autoencoder
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.latent_space import LATENT_SPACES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "demo" / "demo-vae-sd1.safetensors"
TEACHER = Path(os.environ.get("VAEWB_SHARED", ROOT.parent / "shared")) / "data" / "taesd"
SD1 = LATENT_SPACES["sd1"]


@pytest.fixture(scope="module")
def vae() -> Autoencoder:
    return load_autoencoder(load_file(FILE))


def image(name: str, side: int = 256) -> Tensor:
    """The middle side² pixels of a photo as 1×3×side×side in −1..1. README.md has the figures of whole photos."""
    pixels = photo(name)
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    middle = torch.from_numpy(pixels[top : top + side, left : left + side].copy())
    return middle.permute(2, 0, 1)[None].float() / 127.5 - 1


def psnr(a: Tensor, b: Tensor) -> float:
    """In dB, for pictures in −1..1."""
    return float(-10 * torch.log10(F.mse_loss(a.float().clamp(-1, 1), b) / 4))


def both(*names: str) -> set[str]:
    return {f"{name}.{kind}" for name in names for kind in ("weight", "bias")}


def resnet(name: str, shortcut: bool = False) -> set[str]:
    layers = ["norm1", "conv1", "norm2", "conv2", *(["nin_shortcut"] if shortcut else [])]
    return both(*(f"{name}.{layer}" for layer in layers))


def ldm_names() -> set[str]:
    """Names in an LDM checkpoint of ch=64, ch_mult=(1, 1, 1, 2), num_res_blocks=2, written down from its naming rules.

    The full-size kl-f8 has 248, four more: its width changes in two places of each half, here in one.
    """
    names = both("quant_conv", "post_quant_conv")
    for half in ("encoder", "decoder"):
        names |= both(*(f"{half}.{layer}" for layer in ("conv_in", "norm_out", "conv_out")))
        names |= resnet(f"{half}.mid.block_1") | resnet(f"{half}.mid.block_2")
        names |= both(*(f"{half}.mid.attn_1.{layer}" for layer in ("norm", "q", "k", "v", "proj_out")))
    for level in range(4):
        for block in range(2):
            names |= resnet(f"encoder.down.{level}.block.{block}", shortcut=(level, block) == (3, 0))
        for block in range(3):
            names |= resnet(f"decoder.up.{level}.block.{block}", shortcut=(level, block) == (2, 0))
    names |= both(*(f"encoder.down.{level}.downsample.conv" for level in (0, 1, 2)))
    return names | both(*(f"decoder.up.{level}.upsample.conv" for level in (1, 2, 3)))


def test_tensors_have_the_names_of_ldm_and_half_precision() -> None:
    tensors = load_file(FILE)
    assert set(tensors) == ldm_names()
    assert len(tensors) == 244
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_the_file_tells_what_it_is() -> None:
    with safe_open(FILE, "pt") as file:
        metadata = file.metadata()
    assert metadata["modelspec.architecture"] == "stable-diffusion-v1/vae"
    assert "TAESD" in metadata["source"] and "MIT" in metadata["modelspec.license"]


def test_demo_files_stay_small() -> None:
    assert sum(file.stat().st_size for file in FILE.parent.glob("*.safetensors")) <= 12e6


def test_held_out_photos_are_not_trained_on() -> None:
    assert not set(HELD_OUT) & set(PHOTOS)


@pytest.mark.parametrize("name", HELD_OUT)
def test_photos_never_seen_come_back_at_22_db(vae: Autoencoder, name: str) -> None:
    picture = image(name)
    assert psnr(vae.decode(vae.encode(picture)), picture) >= 22


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_gives_the_same_picture(vae: Autoencoder, dtype: torch.dtype) -> None:
    """Activations leave fp16 headroom, so the difference is rounding: 1/100 of the range would be 40 dB."""
    picture = image("chelsea.png", 128)
    half = load_autoencoder(load_file(FILE), dtype=dtype)
    latent = vae.encode(picture)
    assert half.encode(picture).isfinite().all()
    decoded = half.decode(latent)
    assert decoded.isfinite().all()
    assert psnr(decoded, vae.decode(latent).clamp(-1, 1)) > (40 if dtype == torch.float16 else 30)


@pytest.mark.parametrize("colour", [(-0.8, -0.8, -0.8), (0.8, 0.8, 0.8), (0.7, -0.5, -0.6), (-0.5, 0.1, 0.7)])
def test_a_plain_picture_keeps_its_colour(vae: Autoencoder, colour: tuple[float, float, float]) -> None:
    """A decoder 32 channels wide at the top cannot do this: its last norm makes every plain picture equal."""
    picture = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    middle = vae.decode(vae.encode(picture))[..., 16:48, 16:48].mean((0, 2, 3))
    assert (middle - torch.tensor(colour)).abs().max() < 0.15


def test_latents_are_those_of_taesd(vae: Autoencoder) -> None:
    """Over all held-out photos together: a channel that hardly varies in one photo, as in a plain sky, tells nothing there."""
    if not (TEACHER / "taesd_encoder.safetensors").exists():
        pytest.skip(f"latents were not compared with TAESD's, which is not in {TEACHER}")
    tensors = load_file(TEACHER / "taesd_encoder.safetensors")
    teacher = load_autoencoder({f"taesd_encoder.{key}": tensor for key, tensor in tensors.items()})
    pictures = torch.cat([image(name) for name in HELD_OUT])
    given, wanted = (
        z.transpose(0, 1).flatten(1) for z in (SD1.to_scaled(vae.encode(pictures)), teacher.encode(pictures))
    )
    correlations = [np.corrcoef(a.numpy(), b.numpy())[0, 1] for a, b in zip(given, wanted, strict=True)]
    assert min(correlations) > 0.75, f"correlation by channel: {np.round(correlations, 3)}"
