"""Halves that compute the same with other numbers, and those that only look so."""

from __future__ import annotations

import pytest
import torch

from tests.identity.files import Tensors, cast, finetune, sketch_of, small_kl
from vae_workbench.identity.relatives.likeness import compare
from vae_workbench.identity.relatives.rescaling import Scales
from vae_workbench.precision.rescale import scale_stream


def scales(one: Tensors, half: str = "decoder", other: Tensors | None = None) -> Scales | None:
    return compare(sketch_of(one), [sketch_of(other or small_kl())])[0].halves[half].scales


@pytest.mark.parametrize("factor", [2.0**13, 2.0**-7, 0.1, 3.0])
@pytest.mark.parametrize("half", ["encoder", "decoder"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_rescaled_stream(factor: float, half: str, dtype: torch.dtype) -> None:
    found = scales(cast(scale_stream(small_kl(), half, factor), dtype), half)  # type: ignore[arg-type]
    assert found is not None
    assert found.larger == (factor > 1)
    assert found.factor == pytest.approx(max(factor, 1 / factor), rel=0.01)


def test_inside_a_block() -> None:
    """What ``precision.scales`` does in memory: the values between two convolutions."""
    tensors = small_kl()
    for kind in ("weight", "bias"):
        tensors[f"decoder.mid.block_1.conv1.{kind}"] = tensors[f"decoder.mid.block_1.conv1.{kind}"] / 16
        tensors[f"decoder.mid.attn_1.v.{kind}"] = tensors[f"decoder.mid.attn_1.v.{kind}"] / 4
    tensors["decoder.mid.attn_1.proj_out.weight"] = tensors["decoder.mid.attn_1.proj_out.weight"] * 4
    assert scales(tensors) == Scales(-4, 0)


def test_before_the_decoder() -> None:
    tensors = small_kl()
    for kind in ("weight", "bias"):
        tensors[f"post_quant_conv.{kind}"] = tensors[f"post_quant_conv.{kind}"] * 8
    tensors["decoder.conv_in.weight"] = tensors["decoder.conv_in.weight"] / 8
    assert scales(tensors) == Scales(0, 3)


@pytest.mark.parametrize(
    "name", ["decoder.mid.block_1.conv2.weight", "decoder.conv_out.weight", "decoder.norm_out.weight"]
)
def test_one_layer_multiplied_is_another_vae(name: str) -> None:
    tensors = scale_stream(small_kl(), "decoder", 64.0)
    tensors[name] = tensors[name] * 2
    assert scales(tensors) is None
    assert scales({**small_kl(), name: small_kl()[name] * 2}) is None


def test_everything_multiplied_is_another_vae() -> None:
    assert scales({name: tensor * 4 for name, tensor in small_kl().items()}) is None
    assert scales({name: -tensor for name, tensor in small_kl().items()}) is None


def test_finetunes_are_not_rescaled() -> None:
    assert scales(finetune(1)) is None
    assert scales(scale_stream(finetune(1, 0.05), "decoder", 64.0)) is None
