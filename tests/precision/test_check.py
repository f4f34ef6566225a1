"""What is foreseen is what happens."""

from __future__ import annotations

import pytest
import torch

from tests.host_vaes import LdmVae, enlarged, overflowing, shallow_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.errors import MissingHalf
from vae_workbench.precision.chart import FITS, OVERFLOWS, draw_chart
from vae_workbench.precision.check import LIMITS, HalfCheck, check_half
from vae_workbench.precision.plan import Precision

LATENTS = 8 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))


def check(tensors: dict[str, torch.Tensor], dtype: str = "fp16") -> HalfCheck:
    return check_half(load_autoencoder(tensors), "decoder", LATENTS, dtype)


def test_a_healthy_vae_needs_nothing() -> None:
    told = check(shallow_kl())
    assert (told.needs, told.overflows_at, told.not_finite_at) == (Precision.FP16, None, None)
    assert all(stage.headroom > 1 for stage in told.stages)


def test_stages_are_blocks_in_the_order_of_running() -> None:
    names = [stage.name for stage in check(shallow_kl()).stages]
    assert names == [
        "post_quant_conv", "decoder.conv_in", "decoder.mid.block_1", "decoder.mid.attn_1", "decoder.mid.block_2",
        "decoder.up.1.block.0", "decoder.up.1.attn.0", "decoder.up.1.block.1", "decoder.up.1.attn.1", "decoder.up.1.upsample",
        "decoder.up.0.block.0", "decoder.up.0.block.1", "decoder.norm_out", "decoder.conv_out",
    ]  # fmt: skip


def test_an_overflow_is_foreseen_without_fp16() -> None:
    told = check(overflowing())
    assert told.needs is Precision.RESCALED and told.overflows_at == "decoder.conv_in"
    with torch.no_grad():
        assert not LdmVae(overflowing()).decode(LATENTS.half()).isfinite().all()
    assert check(overflowing(), "bf16").overflows_at is None


def test_what_cannot_be_scaled_needs_fp32() -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.norm_out.weight"][0] = 1e5
    assert (check(tensors).needs, check(tensors).overflows_at) == (Precision.FP32, "decoder.norm_out")


def test_nan_weights_are_found_where_they_begin() -> None:
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.mid.block_2.conv1.bias"][0] = float("nan")
    told = check(tensors)
    assert told.not_finite_at == "decoder.mid.block_2.conv1" and told.overflows_at == "decoder.mid.block_2"


def test_half_a_vae() -> None:
    tensors = {name: value for name, value in shallow_kl().items() if name.startswith(("decoder", "post"))}
    with pytest.raises(MissingHalf, match="no encoder"):
        check_half(load_autoencoder(tensors), "encoder", torch.zeros(1, 3, 32, 32))


def test_the_chart_shows_what_overflows_in_red() -> None:
    late = check(enlarged(shallow_kl(), "decoder.up.0.block.0", 18))
    pixels = [colour for _, colour in draw_chart([late], LIMITS["fp16"]).getcolors(1 << 20)]
    assert FITS in pixels and OVERFLOWS in pixels
