"""What tensors form, and the network with them in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vae_workbench.autoencoder.build import build, describe, load_autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.tiny import TinyShape
from vae_workbench.errors import InvalidInput, UnknownArchitecture

SMALL = KLShape.standard(width=32, multipliers=(1, 2), blocks=1)
Shapes = dict[str, tuple[int, ...]]


def shapes_of(shape: KLShape | TinyShape) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in build(shape).state_dict().items()}


@pytest.mark.parametrize(
    "shape",
    [
        KLShape.standard(),
        KLShape.standard(latent_channels=16, quant_convs=False),
        replace(KLShape.standard(latent_channels=32), latent_norm=128),
        KLShape.standard(multipliers=(1, 1, 2, 2, 4), latent_channels=16, attention=(4,)),
        replace(SMALL, decoder=None, post_quant_conv=False),
        replace(SMALL, encoder=None, quant_conv=False),
        TinyShape(16),
        TinyShape(4, encoder=None),
        TinyShape(4, width=32, encoder=(2, 1), decoder=(1, 2)),
        TinyShape(4, image_channels=(4, 12)),
        replace(SMALL, encoder=replace(SMALL.encoder, image_channels=6, mid_attention=False)),
    ],
    ids=[
        "kl-f8",
        "sd3",
        "flux.2",
        "kl-f16",
        "encoder",
        "decoder",
        "taesd3",
        "taesd decoder",
        "another tiny one",
        "tiny, other channels",
        "other channels",
    ],
)
def test_every_size_is_read_back_from_the_shapes(shape: KLShape | TinyShape) -> None:
    assert describe(shapes_of(shape)) == shape


SUPPORTED = {
    "ldm/kl-f4": (3, 4, True, True),
    "ldm/kl-f8": (4, 8, True, True),
    "ldm/kl-f32": (64, 32, True, True),
    "ldm/sd3-or-flux1 (16ch, no quant_conv)": (16, 8, True, True),
    "diffusers/AutoencoderKL sd1/sd2/sdxl 4ch": (4, 8, True, True),
    "diffusers/AutoencoderKL sd3/flux1 16ch": (16, 8, True, True),
    "diffusers/AutoencoderTiny 4ch": (4, 8, True, True),
    "diffusers/AutoencoderTiny 16ch": (16, 8, True, True),
    "taesd/taesd_encoder": (4, 8, True, False),
    "taesd/taesd_decoder": (4, 8, False, True),
    "taesd/taesd3_encoder": (16, 8, True, False),
    "taesd/taesd3_decoder": (16, 8, False, True),
}
UNSUPPORTED = {
    "ldm/vq-f4": "VQ",
    "ldm/vq-f4-noattn": "VQ",
    "ldm/vq-f8": "VQ",
    "ldm/vq-f16": "VQ",
    "diffusers/AsymmetricAutoencoderKL x1.5": "asymmetric",
    "diffusers/AutoencoderKLWan 2.1 z16": "video",
    "taesd/taef2_encoder": "pooling",
    "taesd/taef2_decoder": "pooling",
    "taesd/vae-approx-model": "no VAE",
    "taesd/vaeapprox-sdxl": "no VAE",
    "hunyuan-image-2.1 VAE (f32, 64ch)": "folds pixels",
    "stable-cascade stage A (vq, f4)": "no VAE",
    "diffusers/AutoencoderOobleck (audio)": "is missing",
}


def test_all_published_architectures(signatures: Path) -> None:
    architectures = json.loads(signatures.read_text())["architectures"]
    assert set(architectures) == SUPPORTED.keys() | UNSUPPORTED.keys()
    for name, (channels, downscale, encoder, decoder) in SUPPORTED.items():
        network = build(describe({key: tuple(shape) for key, shape in architectures[name]["tensors"].items()}))
        told = (network.latent_channels, network.downscale, network.has_encoder, network.has_decoder)
        assert told == (channels, downscale, encoder, decoder), name
        assert sum(parameter.numel() for parameter in network.parameters()) == architectures[name]["n_params"], name
    for name, reason in UNSUPPORTED.items():
        with pytest.raises(UnknownArchitecture, match=reason):
            describe({key: tuple(shape) for key, shape in architectures[name]["tensors"].items()})


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"quantize.embedding.weight": (8192, 3)}, "VQ"),
        ({"decoder_unet.time_embed.weight": (4, 4)}, "consistency"),
        ({"decoder.condition_encoder.layers.0.weight": (32, 3, 3, 3)}, "asymmetric"),
        ({"decoder.up_blocks.0.resnets.0.time_mixer.mix_factor": (1,)}, "mixes frames"),
        ({"decoder.conv_in.weight": (64, 4, 3, 3, 3)}, "over time"),
        ({"decoder.up.1.upsample.conv.weight": (256, 64, 3, 3)}, "folds pixels"),
    ],
)
def test_kinds_that_are_known_but_not_run(extra: Shapes, reason: str) -> None:
    with pytest.raises(UnknownArchitecture, match=reason):
        describe(shapes_of(SMALL) | extra)


def without(shapes: Shapes, *names: str) -> Shapes:
    return {name: shape for name, shape in shapes.items() if name not in names}


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({}, "no VAE: no tensor has a name"),
        ({"model.diffusion_model.out.2.weight": (4, 320, 3, 3)}, "no VAE: no tensor has a name"),
        ({"encoder.block.0.layer.0.SelfAttention.q.weight": (4, 4)}, "encoder.conv_in.weight is missing"),
        (without(shapes_of(SMALL), "decoder.norm_out.bias"), "1 tensor is missing, for example decoder.norm_out.bias"),
        (
            without(shapes_of(SMALL), *(f"encoder.mid.block_1.{layer}.weight" for layer in ("norm1", "conv1", "conv2"))),
            "3 tensors are missing, for example encoder.mid.block_1",
        ),
        (without(shapes_of(SMALL), "decoder.conv_out.weight"), "decoder.conv_out.weight is missing"),
        (without(shapes_of(SMALL), "decoder.up.1.block.0.conv1.weight"), "2 levels of resolution and the decoder 1"),
        (without(shapes_of(SMALL), "decoder.up.0.block.0.conv1.weight"), "have no widths"),
        (shapes_of(SMALL) | {"encoder.surplus.weight": (1,)}, "1 tensor is not known, for example encoder.surplus"),
        (shapes_of(SMALL) | {"encoder.conv_in.bias": (7,)}, "1 tensor is of another shape, for example encoder.conv_in.bias"),
        (shapes_of(SMALL) | {"encoder.conv_in.weight": (32,)}, r"conv_in.weight has the shape \[32\]"),
        (shapes_of(SMALL) | {"quant_conv.weight": (0, 8, 1, 1)}, "of another shape|no VAE"),
        (without(shapes_of(TinyShape(4)), "decoder.19.weight"), "4 levels of resolution and the decoder 3"),
        ({"encoder.0.weight": (64, 3, 3, 3)}, "convolutions of its encoder are missing"),
        ({"decoder.1.weight": (64,), "decoder.2.weight": (3,)}, "convolutions of its decoder are missing"),
    ],
)  # fmt: skip
def test_what_is_no_complete_vae_is_told_why(shapes: Shapes, reason: str) -> None:
    with pytest.raises(UnknownArchitecture, match=reason):
        describe(shapes)


def test_the_weights_are_taken_over_as_they_are() -> None:
    tensors = dict(KLAutoencoder(SMALL).state_dict())
    network = load_autoencoder(
        {f"first_stage_model.{name}": value for name, value in tensors.items()} | {"x": torch.ones(1)}
    )
    taken = network.state_dict()
    assert {name: value.data_ptr() for name, value in taken.items()} == {
        name: value.data_ptr() for name, value in tensors.items()
    }
    assert not any(parameter.requires_grad for parameter in network.parameters()) and not network.training
    assert (network.device, network.dtype) == (torch.device("cpu"), torch.float32)


def test_running_a_network_leaves_its_weights_alone() -> None:
    network = load_autoencoder(KLAutoencoder(SMALL).state_dict())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.decode(network.encode(torch.rand(1, 3, 8, 8)))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_flux_2_keeps_its_statistics() -> None:
    shape = replace(SMALL, latent_norm=16)
    tensors = KLAutoencoder(shape).state_dict() | {"bn.running_mean": torch.randn(16)}
    network = load_autoencoder(tensors | {"bn.num_batches_tracked": torch.tensor(7)})
    assert torch.equal(network.state_dict()["bn.running_mean"], tensors["bn.running_mean"])


@pytest.mark.parametrize("dtype", [torch.int32, torch.float8_e4m3fn])
def test_formats_that_cannot_be_computed_in(dtype: torch.dtype) -> None:
    with pytest.raises(InvalidInput, match=r"cannot compute in .* on cpu .* Use float32"):
        load_autoencoder(KLAutoencoder(SMALL).state_dict(), dtype=dtype)


def test_weights_of_other_formats_are_converted() -> None:
    tensors = {name: value.to(torch.float8_e4m3fn) for name, value in KLAutoencoder(SMALL).state_dict().items()}
    assert load_autoencoder(tensors).decode(torch.zeros(1, 4, 2, 2)).isfinite().all()
