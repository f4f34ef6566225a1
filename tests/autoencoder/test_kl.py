"""The KL autoencoder computes what diffusers' does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.autoencoder.peers import assert_as_exact, lively, relative
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_layers import Upsample
from vae_workbench.autoencoder.kl_shape import DecoderShape, KLShape
from vae_workbench.autoencoder.norms import Norm
from vae_workbench.errors import Cancelled, InvalidInput, MissingHalf, UnknownArchitecture

SMALL = KLShape.standard(width=32, multipliers=(1, 2), blocks=1)


def small() -> KLAutoencoder:
    network = lively(KLAutoencoder(SMALL))
    assert isinstance(network, KLAutoencoder)
    return network


def diffusers_kl(
    widths: tuple[int, ...] = (128, 256, 512, 512),
    blocks: int = 2,
    channels: int = 4,
    attended: int = 0,
    quant: bool = True,
) -> torch.nn.Module:
    """diffusers' network with random weights, and attention in the ``attended`` lowest levels."""
    from diffusers import AutoencoderKL

    plain = len(widths) - attended
    peer = AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * plain + ("AttnDownEncoderBlock2D",) * attended,
        up_block_types=("AttnUpDecoderBlock2D",) * attended + ("UpDecoderBlock2D",) * plain,
        layers_per_block=blocks,
        latent_channels=channels,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
    )
    return lively(peer)


@pytest.mark.parametrize(
    ("peer", "image"),
    [
        pytest.param({}, (1, 3, 40, 48), id="kl-f8 of Stable Diffusion, full size"),
        pytest.param({"channels": 16, "quant": False}, (1, 3, 24, 32), id="SD3 and Flux.1, full size"),
        pytest.param({"widths": (32, 64, 64), "blocks": 1, "channels": 3}, (2, 3, 36, 44), id="f4"),
        pytest.param(
            {"widths": (64, 32, 64, 96, 64), "channels": 16, "attended": 2}, (1, 3, 80, 112), id="f16, attention"
        ),
        pytest.param({"widths": (32, 64, 64), "channels": 32, "blocks": 3}, (1, 3, 45, 51), id="odd picture"),
    ],
)
def test_equals_diffusers(peer: dict[str, object], image: tuple[int, ...]) -> None:
    """On a processor without AVX-512 this once failed: diffusers' own error there is as large as the 1e-5 that was allowed
    between the two, and nobody knew which of both was wrong."""
    theirs = diffusers_kl(**peer)  # type: ignore[arg-type]
    ours = load_autoencoder(theirs.state_dict())
    images = torch.rand(image) * 2 - 1
    latents = theirs.encode(images).latent_dist.mean
    assert_as_exact(ours.encode(images), theirs, lambda vae, x: vae.encode(x).latent_dist.mean, images)
    assert_as_exact(ours.decode(latents), theirs, lambda vae, x: vae.decode(x).sample, latents)


def test_takes_and_gives_raw_latents_of_floored_size() -> None:
    network = small()
    assert network.downscale == 2 and network.latent_channels == 4 and not network.latents_are_scaled
    assert network.encode(torch.zeros(1, 3, 7, 10)).shape == (1, 4, 3, 5)
    assert network.decode(torch.zeros(1, 4, 3, 5)).shape == (1, 3, 6, 10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2**-7), (torch.bfloat16, 2**-4)])
def test_half_precision(dtype: torch.dtype, tolerance: float) -> None:
    """Rounding to 11 or 8 bits in each of some ten layers: 16 times one rounding."""
    exact = small()
    rounded = load_autoencoder(exact.state_dict(), dtype=dtype)
    images, latents = torch.rand(1, 3, 16, 16) * 2 - 1, torch.randn(1, 4, 8, 8)
    assert rounded.encode(images).dtype == rounded.dtype == dtype
    assert 0 < relative(rounded.encode(images), exact.encode(images)) < tolerance
    assert 0 < relative(rounded.decode(latents), exact.decode(latents)) < tolerance


def test_the_doubling_in_phases_is_the_doubling_as_written() -> None:
    layer = lively(Upsample(64))
    assert isinstance(layer, Upsample)
    x = torch.randn(2, 64, 5, 7)
    assert_as_exact(layer(x), layer, as_written, x)
    layer.conv.weight.mul_(-2)  # new weights in the same place
    assert_as_exact(layer(x), layer, as_written, x)
    assert relative(layer(x.half().float()), layer.half()._as_written(x.half())) < 2**-8


def as_written(layer: torch.nn.Module, x: Tensor) -> Tensor:
    assert isinstance(layer, Upsample)
    return layer._as_written(x)


def test_can_be_trained() -> None:
    network = KLAutoencoder(SMALL)
    network.decode(network.encode(torch.rand(1, 3, 8, 8))).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())


def test_the_norms_eps_counts() -> None:
    """fp16-safe rescaling divides it along with the weights."""
    network, latents = small(), torch.randn(1, 4, 4, 4)
    before = network.decode(latents)
    for module in network.modules():
        if isinstance(module, Norm):
            module.eps = 1.0
    assert relative(network.decode(latents), before) > 1e-2


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_one_half_works_and_the_other_is_told_missing(half: str) -> None:
    whole, images, latents = small(), torch.rand(1, 3, 8, 8), torch.randn(1, 4, 4, 4)
    heads = {"encoder": ("encoder.", "quant_conv."), "decoder": ("decoder.", "post_quant_conv.")}[half]
    network = load_autoencoder({name: value for name, value in whole.state_dict().items() if name.startswith(heads)})
    assert (network.has_encoder, network.has_decoder) == (half == "encoder", half == "decoder")
    if half == "encoder":
        assert torch.equal(network.encode(images), whole.encode(images))
        with pytest.raises(MissingHalf, match="no decoder"):
            network.decode(latents)
    else:
        assert torch.equal(network.decode(latents), whole.decode(latents))
        with pytest.raises(MissingHalf, match="no encoder"):
            network.encode(images)


def test_tells_its_progress_stage_by_stage() -> None:
    told: list[tuple[float, str]] = []
    small().decode(torch.zeros(1, 4, 2, 2), lambda fraction, what: told.append((fraction, what)))
    assert list(dict.fromkeys(what for _, what in told)) == [
        "first layer",
        "middle",
        "level 1 of 2",
        "level 2 of 2",
        "last layer",
        "done",
    ]
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1


@pytest.mark.parametrize("task", ["encode", "decode"])
def test_is_cancelled_between_layers(task: str) -> None:
    told: list[str] = []

    def cancel_at_the_middle(_: float, what: str) -> None:
        told.append(what)
        if what == "middle":
            raise Cancelled

    network = small()
    with pytest.raises(Cancelled):
        getattr(network, task)(torch.zeros(1, 3 if task == "encode" else 4, 8, 8), cancel_at_the_middle)
    assert told[-1] == "middle" and "last layer" not in told


@pytest.mark.parametrize("images", [torch.zeros(3, 8, 8), torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 1, 8)])
def test_pictures_that_do_not_fit(images: Tensor) -> None:
    with pytest.raises(InvalidInput, match="at least 2×2"):
        small().encode(images)


@pytest.mark.parametrize("latents", [torch.zeros(4, 8, 8), torch.zeros(1, 16, 8, 8), torch.zeros(1, 4, 0, 8)])
def test_latents_that_do_not_fit(latents: Tensor) -> None:
    with pytest.raises(InvalidInput, match="takes B×4×h×w"):
        small().decode(latents)


def test_widths_that_the_norms_cannot_divide() -> None:
    with pytest.raises(UnknownArchitecture, match=r"48 channels .* multiple of 32"):
        KLShape.standard(width=48)


def test_shapes_that_contradict_themselves() -> None:
    decoder = SMALL.decoder
    assert isinstance(decoder, DecoderShape)
    with pytest.raises(UnknownArchitecture, match="neither"):
        replace(SMALL, encoder=None, decoder=None)
    with pytest.raises(UnknownArchitecture, match=r"2 levels .* the decoder 1"):
        replace(SMALL, decoder=replace(decoder, widths=(32,), blocks=(2,), attention=(False,)))
    with pytest.raises(UnknownArchitecture, match="not as many"):
        replace(decoder, blocks=(2,))
