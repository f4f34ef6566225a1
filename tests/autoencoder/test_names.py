"""Names of tensors, from every way of naming to one, and back."""

from __future__ import annotations

import re

import pytest
import torch

from vae_workbench.autoencoder.build import build
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.names import (
    canonical_names,
    canonical_shapes,
    canonical_tensors,
    diffusers_names,
    vae_prefixes,
)
from vae_workbench.autoencoder.tiny import TinyShape
from vae_workbench.errors import UnknownArchitecture

KL = KLShape.standard(width=32, multipliers=(1, 2, 2), blocks=1, attention=(1, 2))
OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def canonical(shape: KLShape | TinyShape = KL) -> list[str]:
    return list(build(shape).state_dict())


def older(name: str) -> str:
    return re.sub(r"to_q|to_k|to_v|to_out\.0", lambda match: OLD[match[0]], name)


@pytest.mark.parametrize("shape", [KL, TinyShape(4)], ids=["kl", "tiny"])
def test_there_and_back(shape: KLShape | TinyShape) -> None:
    there = diffusers_names(canonical(shape))
    assert list(there) == canonical(shape)
    assert canonical_names(there.values()) == there
    assert diffusers_names(canonical_names(there.values())) == there


def test_diffusers_names_are_those_of_diffusers() -> None:
    from diffusers import AutoencoderKL, AutoencoderTiny

    kl = AutoencoderKL(
        block_out_channels=(32, 64, 64),
        down_block_types=("DownEncoderBlock2D", *["AttnDownEncoderBlock2D"] * 2),
        up_block_types=(*["AttnUpDecoderBlock2D"] * 2, "UpDecoderBlock2D"),
        layers_per_block=1,
    )
    assert set(diffusers_names(canonical()).values()) == set(kl.state_dict())
    assert set(diffusers_names(canonical(TinyShape(4))).values()) == set(AutoencoderTiny().state_dict())


def test_older_names_of_attention() -> None:
    names = [older(name) for name in diffusers_names(canonical()).values()]
    assert any("query" in name for name in names)
    assert set(canonical_names(names)) == set(canonical())


def test_each_name_is_translated_by_one_example() -> None:
    """Read from published files, with three levels in the decoder."""
    examples = {
        "decoder.up.0.block.1.nin_shortcut.weight": "decoder.up_blocks.2.resnets.1.conv_shortcut.weight",
        "decoder.up.2.upsample.conv.bias": "decoder.up_blocks.0.upsamplers.0.conv.bias",
        "decoder.mid.attn_1.proj_out.weight": "decoder.mid_block.attentions.0.to_out.0.weight",
        "encoder.mid.attn_1.norm.bias": "encoder.mid_block.attentions.0.group_norm.bias",
        "encoder.mid.block_2.conv1.weight": "encoder.mid_block.resnets.1.conv1.weight",
        "encoder.down.1.attn.0.q.weight": "encoder.down_blocks.1.attentions.0.to_q.weight",
        "encoder.down.0.downsample.conv.weight": "encoder.down_blocks.0.downsamplers.0.conv.weight",
        "encoder.norm_out.weight": "encoder.conv_norm_out.weight",
        "decoder.conv_in.weight": "decoder.conv_in.weight",
        "quant_conv.bias": "quant_conv.bias",
    }
    assert diffusers_names(examples) == examples
    assert canonical_names(examples.values()) == examples


@pytest.mark.parametrize("prefix", ["first_stage_model.", "vae."])
def test_of_a_checkpoint_only_the_vae_is_taken(prefix: str) -> None:
    others = [
        "model.diffusion_model.input_blocks.0.0.weight",
        "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight",
        "encoder.layers.0.self_attn.weight",
        "model_ema.decay",
        f"{prefix}loss.logvar",
        f"{prefix}model_ema.num_updates",
        f"{prefix}bn.num_batches_tracked",
    ]
    names = canonical_names(others + [prefix + name for name in canonical()])
    assert names == {name: prefix + name for name in canonical()}


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "vae_", "state_dict.vae.", "model.first_stage_model."]
)
@pytest.mark.parametrize("shape", [KL, TinyShape(4)], ids=["kl", "tiny"])
def test_any_prefix_is_found(prefix: str, shape: KLShape | TinyShape) -> None:
    names = [prefix + name for name in canonical(shape)]
    others = ["cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight", "optimizer.step"]
    assert vae_prefixes([*others, *names]) == (prefix,)
    assert canonical_names([*others, *names]) == dict(zip(canonical(shape), names, strict=True))


@pytest.mark.parametrize(
    ("prefixes", "first"),
    [
        (("model.", "ema."), "ema."),
        (("", "model_ema."), ""),
        (("ema.", "first_stage_model."), "first_stage_model."),
        (("b.", "a."), "a."),
    ],
)
def test_of_several_vaes_always_the_same_counts(prefixes: tuple[str, ...], first: str) -> None:
    names = [prefix + name for prefix in prefixes for name in canonical()]
    for order in (names, names[::-1]):
        assert vae_prefixes(order)[0] == first and set(vae_prefixes(order)) == set(prefixes)


def test_a_whole_vae_comes_before_a_part_of_one() -> None:
    part = ["vae.encoder.conv_in.weight", "vae.encoder.conv_in.bias"]
    assert vae_prefixes([*part, *(f"net.{name}" for name in canonical())]) == ("net.", "vae.")


@pytest.mark.parametrize(
    "converted",
    [
        {"q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"},
        {"q": "query", "k": "key", "v": "value", "proj_out": "proj_attn"},
        {"norm": "group_norm"},
    ],
    ids=["diffusers", "older", "norm"],
)
def test_half_converted_names_of_attention(converted: dict[str, str]) -> None:
    """In the middle and at the levels, in LDM names of the layers around them."""

    def half_converted(name: str) -> str:
        stem, _, kind = name.rpartition(".")
        before, _, last = stem.rpartition(".")
        return f"{before}.{converted[last]}.{kind}" if ".attn" in name and last in converted else name

    names = {name: half_converted(name) for name in canonical()}
    assert names != dict(zip(names, names, strict=True)) and any(".attn.0." in name for name in names)
    assert canonical_names(names.values()) == names


def test_half_converted_names_in_those_of_diffusers() -> None:
    names = {name: diffusers.replace(".to_q.", ".q.") for name, diffusers in diffusers_names(canonical()).items()}
    assert canonical_names(names.values()) == names


@pytest.mark.parametrize("leftover", ["quant_conv", "post_quant_conv"])
def test_a_quant_convolution_without_its_half_does_not_count(leftover: str) -> None:
    gone = {"quant_conv": "encoder.", "post_quant_conv": "decoder."}[leftover]
    names = [name for name in canonical() if not name.startswith(gone)]
    assert set(names) - set(canonical_names(names)) == {f"{leftover}.weight", f"{leftover}.bias"}


def test_flux_2_has_its_quant_convs_inside_the_halves() -> None:
    names = ["encoder.quant_conv.weight", "decoder.post_quant_conv.bias", "bn.running_mean", "bn.num_batches_tracked"]
    assert set(canonical_names(names)) == {"quant_conv.weight", "post_quant_conv.bias", "bn.running_mean"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0.weight", "1.conv.0.bias"], {"encoder.0.weight": "0.weight", "encoder.1.conv.0.bias": "1.conv.0.bias"}),
        (["1.weight", "3.conv.0.bias"], {"decoder.1.weight": "1.weight", "decoder.3.conv.0.bias": "3.conv.0.bias"}),
        (["taesd_decoder.19.bias"], {"decoder.19.bias": "taesd_decoder.19.bias"}),
        (["decoder.layers.18.bias"], {"decoder.19.bias": "decoder.layers.18.bias"}),
        (["encoder.layers.14.bias"], {"encoder.14.bias": "encoder.layers.14.bias"}),
        (
            ["net.0.weight", "net.1.conv.0.bias"],
            {"encoder.0.weight": "net.0.weight", "encoder.1.conv.0.bias": "net.1.conv.0.bias"},
        ),
        (["0.bias", "1.conv.0.bias"], {"encoder.0.bias": "0.bias", "encoder.1.conv.0.bias": "1.conv.0.bias"}),
    ],
)
def test_ways_of_naming_a_tiny_autoencoder(names: list[str], expected: dict[str, str]) -> None:
    assert canonical_names(names) == expected


@pytest.mark.parametrize(
    "names", [[], ["lora_unet_down.weight"], ["0.weight", "2.weight"], ["0.weight", "text.weight"], ["weight"], [""]]
)
def test_no_vae_no_names(names: list[str]) -> None:
    assert canonical_names(names) == {}


def test_two_names_for_one_weight() -> None:
    with pytest.raises(UnknownArchitecture, match="the same weight"):
        canonical_names(["encoder.mid.attn_1.query.weight", "encoder.mid_block.attentions.0.to_q.weight"])


@pytest.mark.parametrize("second", ["encoder.mid.attn_1.to_q.weight", "encoder.mid_block.attentions.0.to_q.weight"])
def test_the_ldm_name_counts_beside_another_spelling(second: str) -> None:
    """A script that renamed layers and left the old ones made a whole checkpoint "broken", which the web UI's own loader
    reads: it takes the LDM names and drops the others."""
    ldm = "encoder.mid.attn_1.q.weight"
    for names in ([ldm, second], [second, ldm]):
        assert canonical_names(names) == {ldm: ldm}


def test_attention_matrices_become_convolutions_without_a_copy() -> None:
    name, source = "encoder.mid.attn_1.q.weight", "encoder.mid_block.attentions.0.query.weight"
    matrix = torch.randn(8, 8)
    assert canonical_shapes({source: (8, 8), "encoder.conv_in.bias": (8,)}) == {
        name: (8, 8, 1, 1), "encoder.conv_in.bias": (8,)
    }  # fmt: skip
    view = canonical_tensors({source: matrix})[name]
    assert view.shape == (8, 8, 1, 1) and view.data_ptr() == matrix.data_ptr()
    assert canonical_shapes({"encoder.mid.attn_1.to_q.weight": (8, 8, 1)}) == {name: (8, 8, 1, 1)}
