"""A scaled residual stream decodes the same picture."""

from __future__ import annotations

import pytest
import torch

from tests.small_vaes import small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.errors import InvalidInput
from vae_workbench.precision.rescale import scale_stream
from vae_workbench.precision.structure import Half


def run(tensors: dict[str, torch.Tensor], half: Half) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        network = load_autoencoder(tensors)
        if half == "decoder":
            return network.decode(torch.randn(1, 4, 6, 5, generator=generator))
        return network.encode(torch.rand(1, 3, 48, 40, generator=generator) * 2 - 1)


@pytest.mark.parametrize("half", ["encoder", "decoder"])
@pytest.mark.parametrize("factor", [2.0**13, 2.0**4])
def test_the_function_is_unchanged(half: Half, factor: float) -> None:
    """Upwards only: downwards, eps would begin to show, which no file can correct."""
    expected = run(small_kl(), half)
    got = run(scale_stream(small_kl(), half, factor), half)
    assert (got - expected).norm() / expected.norm() < 1e-4


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_the_stream_really_grows(half: Half) -> None:
    """Otherwise the demo VAE that overflows would not."""
    maxima = []
    for factor in (1.0, 1024.0):
        network = load_autoencoder(scale_stream(small_kl(), half, factor))
        stages = [
            m for name, m in network.named_modules() if name.startswith(half) and name.endswith(("conv_in", "conv2"))
        ]
        seen: list[float] = []
        for stage in stages:
            stage.register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(out.abs().max().item()))
        with torch.inference_mode():
            network.decode(torch.ones(1, 4, 6, 5)) if half == "decoder" else network.encode(torch.ones(1, 3, 48, 40))
        maxima.append(torch.tensor(seen))
    assert torch.allclose(maxima[1] / maxima[0], torch.tensor(1024.0), rtol=0.01)


def test_the_other_half_and_the_source_are_untouched() -> None:
    tensors = small_kl()
    before = {name: value.clone() for name, value in tensors.items()}
    scaled = scale_stream(tensors, "decoder", 8.0)
    assert all(torch.equal(scaled[name], before[name]) for name in before if not name.startswith("decoder"))
    assert all(torch.equal(tensors[name], before[name]) for name in before)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan")])
def test_a_factor_that_makes_no_sense(factor: float) -> None:
    with pytest.raises(InvalidInput, match="residual stream"):
        scale_stream(small_kl(), "decoder", factor)


def test_a_half_that_is_not_there() -> None:
    with pytest.raises(InvalidInput, match="no encoder"):
        scale_stream({"decoder.conv_in.weight": torch.zeros(1)}, "encoder", 2.0)
