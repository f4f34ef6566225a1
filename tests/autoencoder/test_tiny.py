"""TAESD computes what diffusers' does, on random weights and on the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.autoencoder.peers import assert_as_exact, lively, relative
from vae_workbench.autoencoder.build import describe, load_autoencoder
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.errors import Cancelled, MissingHalf, UnknownArchitecture


@pytest.mark.parametrize(("channels", "size"), [(4, (72, 88)), (16, (64, 56)), (4, (45, 51))])
def test_equals_diffusers(channels: int, size: tuple[int, int]) -> None:
    from diffusers import AutoencoderTiny

    theirs = lively(AutoencoderTiny(latent_channels=channels))
    ours = load_autoencoder(theirs.state_dict())
    images = torch.rand(2, 3, *size) * 2 - 1
    latents = theirs.encode(images).latents
    assert_as_exact(ours.encode(images), theirs, lambda vae, x: vae.encode(x).latents, images)
    assert_as_exact(ours.decode(3 * latents), theirs, lambda vae, x: vae.decode(x).sample, 3 * latents)


def published(folder: Path, name: str) -> dict[str, Tensor]:
    """Both halves, as a checkpoint would hold them."""
    return {
        f"taesd_{half}.{key}": value
        for half in ("encoder", "decoder")
        for key, value in load_file(folder / f"{name}_{half}.safetensors").items()
    }


@pytest.mark.parametrize(("name", "channels"), [("taesd", 4), ("taesdxl", 4), ("taesd3", 16), ("taef1", 16)])
def test_the_published_files(taesd_folder: Path, name: str, channels: int) -> None:
    """A smooth picture survives encoding and decoding, so units, ranges and order of layers are right."""
    network = load_autoencoder(published(taesd_folder, name))
    assert network.latents_are_scaled and network.latent_channels == channels and network.downscale == 8
    axis = torch.linspace(-0.8, 0.8, 64)
    image = torch.stack([axis.expand(64, 64), axis[:, None].expand(64, 64), -axis.expand(64, 64)])[None]
    latents = network.encode(image)
    assert latents.shape == (1, channels, 8, 8) and 0.3 < latents.std() < 3
    assert (network.decode(latents) - image).abs().mean() < 0.06


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_a_published_half(taesd_folder: Path, half: str) -> None:
    network = load_autoencoder(load_file(taesd_folder / f"taesd_{half}.safetensors"))
    assert (network.has_encoder, network.has_decoder) == (half == "encoder", half == "decoder")
    with pytest.raises(MissingHalf):
        network.decode(torch.zeros(1, 4, 2, 2)) if half == "encoder" else network.encode(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2**-6), (torch.bfloat16, 2**-3)])
def test_half_precision(dtype: torch.dtype, tolerance: float) -> None:
    """Rounding to 11 or 8 bits in each of some 35 layers."""
    exact = lively(TinyAutoencoder(TinyShape(4, width=16)))
    rounded = load_autoencoder(exact.state_dict(), dtype=dtype)
    latents = torch.randn(1, 4, 4, 4)
    assert 0 < relative(rounded.decode(latents), exact.decode(latents)) < tolerance


def test_other_sizes_are_read_from_the_shapes() -> None:
    shape = TinyShape(8, width=24, encoder=(2, 1), decoder=(1, 2))
    tensors = TinyAutoencoder(shape).state_dict()
    assert describe({name: tuple(value.shape) for name, value in tensors.items()}) == shape
    assert load_autoencoder(tensors).encode(torch.zeros(1, 3, 5, 8)).shape == (1, 8, 3, 4)


def test_can_be_trained_and_cancelled() -> None:
    network = TinyAutoencoder(TinyShape(4, width=8))
    network.decode(network.encode(torch.rand(1, 3, 16, 16))).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())

    def cancel(fraction: float, _: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        network.decode(torch.zeros(1, 4, 2, 2), cancel)


def test_shapes_that_contradict_themselves() -> None:
    with pytest.raises(UnknownArchitecture, match="neither"):
        TinyShape(4, encoder=None, decoder=None)
    with pytest.raises(UnknownArchitecture, match=r"4 levels .* the decoder 2"):
        TinyShape(4, decoder=(1, 1))
