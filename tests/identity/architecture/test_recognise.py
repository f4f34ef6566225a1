from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.identity.files import SIGNATURES, signatures
from vae_workbench.autoencoder.build import build
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.names import diffusers_names
from vae_workbench.autoencoder.tiny import TinyShape
from vae_workbench.errors import UnknownArchitecture
from vae_workbench.identity.architecture.recognise import Recognised, recognise
from vae_workbench.identity.architecture.signature import Signature
from vae_workbench.identity.architecture.table import ARCHITECTURES, Architecture

Shapes = dict[str, tuple[int, ...]]

EXPECTED = {
    "ldm/kl-f4": "kl-f4",
    "ldm/kl-f8": "kl-f8",
    "ldm/kl-f32": "kl-f32",
    "ldm/vq-f4": "vq-f4",
    "ldm/vq-f4-noattn": "vq-f4",
    "ldm/vq-f8": "vq-f8",
    "ldm/vq-f16": "vq-f16",
    "ldm/sd3-or-flux1 (16ch, no quant_conv)": "kl-f8-16ch",
    "diffusers/AutoencoderKL sd1/sd2/sdxl 4ch": "kl-f8",
    "diffusers/AutoencoderKL sd3/flux1 16ch": "kl-f8-16ch",
    "diffusers/AutoencoderTiny 4ch": "taesd",
    "diffusers/AutoencoderTiny 16ch": "taesd-16ch",
    "diffusers/AsymmetricAutoencoderKL x1.5": "asymmetric-kl-f8",
    "diffusers/AutoencoderKLWan 2.1 z16": "wan",
    "taesd/taesd_encoder": "taesd",
    "taesd/taesd_decoder": "taesd",
    "taesd/taesd3_encoder": "taesd-16ch",
    "taesd/taesd3_decoder": "taesd-16ch",
    "taesd/taef2_encoder": "taef2",
    "taesd/taef2_decoder": "taef2",
    "taesd/vae-approx-model": "vae-approx",
    "taesd/vaeapprox-sdxl": "vae-approx",
    "hunyuan-image-2.1 VAE (f32, 64ch)": "hunyuan-image",
    "stable-cascade stage A (vq, f4)": "cascade-stage-a",
    "diffusers/AutoencoderOobleck (audio)": "oobleck",
}

NO_VAES = ("vae-approx", "oobleck")


def recognised(shapes: Shapes) -> Recognised:
    return recognise(Signature(shapes))


@lru_cache(maxsize=16)
def _shapes(shape: KLShape | TinyShape) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in build(shape).state_dict().items()}


def kl(**sizes: object) -> Shapes:
    return dict(_shapes(KLShape.standard(**{"width": 32, "blocks": 1, **sizes})))  # type: ignore[arg-type]


def half(shapes: Shapes, name: str) -> Shapes:
    own = {"encoder": ("encoder.", "quant_conv."), "decoder": ("decoder.", "post_quant_conv.")}[name]
    return {key: shape for key, shape in shapes.items() if key.startswith(own)}


@pytest.mark.skipif(not SIGNATURES.exists(), reason="no shared data: the published architectures were not walked")
@pytest.mark.parametrize("key", EXPECTED)
def test_published_architectures(key: str) -> None:
    found = recognised(signatures()[key])
    assert found.name == EXPECTED[key], found.reason
    assert found.answer == ("none" if EXPECTED[key] in NO_VAES else "vae"), found.reason


@pytest.mark.skipif(not SIGNATURES.exists(), reason="no shared data: the published architectures were not walked")
@pytest.mark.parametrize("key", EXPECTED)
def test_with_tensors_missing_none_is_taken_for_another(key: str) -> None:
    """Hunyuan Image was a broken kl-f32, a decoder without its last layer one of 1 level, and a VQ autoencoder without its
    codebook a healthy VAE."""
    shapes, choose = signatures()[key], random.Random(key)
    names = list(shapes)
    for count in (1, 1, 1, 2, 2, 3, 3, 3) * 3:
        missing = choose.sample(names, count)
        found = recognised({name: shape for name, shape in shapes.items() if name not in missing})
        assert found.name in (EXPECTED[key], ""), (missing, found.reason)
        if EXPECTED[key].startswith("kl-"):
            assert (found.answer, found.name) == ("broken", EXPECTED[key]), (missing, found.reason)
            assert all(name in found.reason for name in missing), found.reason


@pytest.mark.skipif(not SIGNATURES.exists(), reason="no shared data: the published architectures were not walked")
@pytest.mark.parametrize("key", [key for key, name in EXPECTED.items() if name.startswith(("kl-", "taesd"))])
def test_every_single_tensor_counts(key: str) -> None:
    """Whichever tensor is missing, the VAE is broken, and the sentence names it."""
    shapes = signatures()[key]
    for name in list(shapes)[:: 7 if len(shapes) > 100 else 1]:
        found = recognised({other: shape for other, shape in shapes.items() if other != name})
        assert found.answer == "broken" and name in found.reason, (name, found.reason)


@pytest.mark.skipif(not SIGNATURES.exists(), reason="no shared data: the published architectures were not walked")
def test_every_published_architecture_is_expected() -> None:
    assert signatures().keys() == EXPECTED.keys()


@pytest.mark.skipif(not SIGNATURES.exists(), reason="no shared data: the published architectures were not walked")
@pytest.mark.parametrize("row", ARCHITECTURES, ids=lambda row: row.name)
def test_conditions_alone_meet_no_other_architecture(row: Architecture) -> None:
    """Apart from those in ``TAKEN_ABOVE``, no condition needs the rows above it to be right."""
    for key, shapes in signatures().items():
        signature = Signature(shapes)
        taken_by = next(other.name for other in ARCHITECTURES if other.tell(signature))
        if row.tell(signature) and taken_by != row.name:
            assert taken_by in TAKEN_ABOVE.get(row.name, ()), key


TAKEN_ABOVE = {
    "audio": ("oobleck",),
    "video": ("wan",),
    "taesd-{channels}ch": ("taef2", "taesd", "taesd-16ch"),
    "ae-f{factor}": ("vq-f{factor}",),
    "kl-f4": ("vq-f{factor}",),
    "kl-f8": ("vq-f{factor}", "asymmetric-kl-f{factor}"),
    "kl-f16": ("vq-f{factor}",),
    "kl-f32": ("hunyuan-image",),
    "kl-f8-16ch-quant": ("wan",),
    "kl-f8-16ch": ("wan",),
    "kl-f{factor}-{channels}ch": (
        "vq-f{factor}", "asymmetric-kl-f{factor}", "kl-f4", "kl-f8", "kl-f8-16ch", "kl-f32", "wan", "hunyuan-image"
    ),
}  # fmt: skip
"""Row → rows above that take architectures which meet its condition too: where the order matters."""


def folded() -> Shapes:
    """The convolutions that change the resolution, as those are that fold pixels into channels."""
    return {
        name: ((2 * shape[0], *shape[1:]) if "upsample" in name else (shape[0] // 4, *shape[1:]))
        for name, shape in kl().items()
        if name.endswith("sample.conv.weight")
    }


VIDEO = {
    "hunyuan-video-1.5": {
        "decoder.mid_block.resnets.0.norm1.gamma": (8, 1, 1, 1),
        "decoder.mid_block.resnets.0.conv1.conv.weight": (8,) * 5,
    },
    "allegro": {"encoder.conv_in.weight": (8, 3, 3, 3), "encoder.temp_conv_in.weight": (8, 8, 3, 1, 1)},
    "cosmos": {"encoder.conv_in.conv_s.weight": (8, 192, 1, 3, 3), "encoder.conv_in.conv_t.weight": (8, 8, 3, 1, 1)},
    "cogvideox": {
        "encoder.conv_in.conv.weight": (8, 3, 3, 3, 3),
        "decoder.norm_out.conv_y.conv.weight": (8, 4, 1, 1, 1),
    },
    "mochi": {
        "encoder.block_in.resnets.0.conv1.conv.weight": (8, 8, 3, 3, 3),
        "encoder.block_out.resnets.0.conv1.conv.weight": (8, 8, 3, 3, 3),
    },
    "ltx-video": {"encoder.conv_in.conv.weight": (8, 48, 3, 3, 3), "per_channel_statistics.mean-of-means": (128,)},
    "magvit": {"encoder.conv_in.weight": (8, 3, 3, 3, 3), "encoder.mid_block.convs.0.conv1.weight": (8, 8, 3, 3, 3)},
    "video": {
        "encoder.conv_in.conv.weight": (8, 3, 3, 3, 3),
        "encoder.mid_block.resnets.0.conv1.conv.weight": (8, 8, 3, 3, 3),
    },
}
"""Tell-tale tensors of autoencoders for video, as diffusers and the published files name them."""


SYNTHETIC: tuple[tuple[str, Callable[[], Shapes]], ...] = (
    ("kl-f8", lambda: kl()),
    ("kl-f8", lambda: kl(width=64, blocks=2)),
    ("kl-f8", lambda: kl(attention=(3,))),
    ("kl-f8-16ch", lambda: kl(latent_channels=16, quant_convs=False)),
    ("kl-f8-16ch-quant", lambda: kl(latent_channels=16)),
    ("sd-x4-upscaler", lambda: kl(multipliers=(1, 2, 4))),
    ("kl-f4", lambda: kl(multipliers=(1, 2, 4), latent_channels=3)),
    ("kl-f16", lambda: kl(multipliers=(1, 1, 2, 2, 4), latent_channels=16)),
    ("kl-f32", lambda: kl(multipliers=(1, 1, 2, 2, 4, 4), latent_channels=64)),
    ("kl-f8-32ch", lambda: kl(latent_channels=32)),
    ("kl-f2-5ch", lambda: kl(multipliers=(1, 2), latent_channels=5)),
    ("flux2", lambda: kl(latent_channels=32) | {"bn.running_mean": (128,), "bn.running_var": (128,)}),
    ("vq-f8", lambda: kl() | {"quantize.embedding.weight": (16384, 4)}),
    ("consistency-decoder", lambda: {"decoder_unet.conv_in.weight": (320, 7, 3, 3)}),
    ("video-mixing", lambda: kl() | {"decoder.up.0.block.0.mix_factor": (1,)}),
    ("wan", lambda: {"decoder.middle.0.residual.0.gamma": (384, 1, 1, 1), "encoder.conv1.weight": (96, 3, 3, 3, 3)}),
    ("dc-ae", lambda: {"encoder.down_blocks.0.0.conv1.weight": (128, 128, 3, 3), "encoder.conv_in.bias": (128,)}),
    ("dc-ae", lambda: {"decoder.stages.0.op_list.0.main.conv1.conv.weight": (128, 128, 3, 3)}),
    ("hunyuan-image", lambda: kl() | {"encoder.down.0.downsample.conv.weight": (8, 32, 3, 3)} | folded()),
    ("cascade-stage-a", lambda: {"down_blocks.0.gammas": (6,), "vquantizer.codebook.weight": (8192, 4)}),
    ("video", lambda: {"encoder.conv_in.weight": (128, 3, 3, 3, 3), "decoder.conv_in.weight": (512, 16, 3, 3, 3)}),
    ("asymmetric-kl-f8", lambda: kl() | {"decoder.condition_encoder.layers.0.weight": (64, 3, 3, 3)}),
    ("taesd", lambda: _shapes(TinyShape(4, width=32))),
    ("taesd-16ch", lambda: _shapes(TinyShape(16, width=32))),
    ("taesd-8ch", lambda: _shapes(TinyShape(8))),
)
"""One or more for every row, at widths that nobody published."""


@pytest.mark.parametrize(("name", "shapes"), SYNTHETIC, ids=[f"{i}-{name}" for i, (name, _) in enumerate(SYNTHETIC)])
@pytest.mark.parametrize("prefix", ["", "first_stage_model.", "vae."])
def test_every_row_at_other_widths_and_with_prefixes(name: str, shapes: Callable[[], Shapes], prefix: str) -> None:
    found = recognised({prefix + key: shape for key, shape in shapes().items()})
    assert (found.answer, found.name) == ("vae", name), found.reason


@pytest.mark.parametrize("name", VIDEO)
def test_video(name: str) -> None:
    """Any 5-D tensor beside a ``.gamma`` made it the VAE of Wan."""
    found = recognised(VIDEO[name])  # type: ignore[arg-type]
    assert (found.answer, found.name) == ("vae", name)


@pytest.mark.parametrize("name", ["encoder", "decoder"])
@pytest.mark.parametrize(
    ("expected", "shapes"),
    [("kl-f8", kl()), ("kl-f8-16ch", kl(latent_channels=16, quant_convs=False)), ("taesd", _shapes(TinyShape(4)))],
)
def test_half_a_vae_is_one(name: str, expected: str, shapes: Shapes) -> None:
    found = recognised(half(shapes, name))
    assert (found.answer, found.name, found.halves) == ("vae", expected, (name,))
    assert f"{name} only" in found.reason


def test_diffusers_names_and_matrices_of_attention() -> None:
    shapes = kl(attention=(3,))
    names = diffusers_names(shapes)
    renamed = {names[name]: shape[:2] if ".to_" in names[name] else shape for name, shape in shapes.items()}
    assert any(len(shape) == 2 for shape in renamed.values())
    assert (recognised(renamed).name, Signature(renamed).scheme) == ("kl-f8", "diffusers")
    assert (Signature(shapes).scheme, Signature(_shapes(TinyShape(4))).scheme) == ("ldm", "tiny")


def test_a_vae_that_is_broken() -> None:
    shapes = kl()
    for name in ("decoder.norm_out.bias", "decoder.up.1.block.0.conv1.weight"):
        del shapes[name]
    found = recognised(shapes)
    assert found.answer == "broken" and found.name == "kl-f8"
    told = "This is a VAE, but broken: 2 of its tensors are missing: "
    assert found.reason == told + "decoder.up.1.block.0.conv1.weight, decoder.norm_out.bias."
    found = recognised(kl() | {"decoder.mid.block_1.norm1.bias": (7,)})
    assert "1 of its tensors has another shape: decoder.mid.block_1.norm1.bias" in found.reason
    found = recognised(kl() | {"decoder.mystery": (7,)})
    assert found.answer == "broken" and "1 tensor does not belong to it: decoder.mystery" in found.reason
    many = recognised({name: shape for name, shape in kl().items() if not name.startswith("decoder.up.3.")})
    assert many.answer == "broken" and " more." in many.reason


def test_missing_tensors_are_told_in_the_naming_of_the_file() -> None:
    shapes = {name: shape for name, shape in kl().items() if name != "decoder.norm_out.bias"}
    names = diffusers_names(shapes)
    assert "decoder.conv_norm_out.bias" in recognised({names[name]: shape for name, shape in shapes.items()}).reason


def test_a_decoder_with_the_quant_convolution_of_its_encoder_is_whole() -> None:
    """Somebody removed ``encoder.…`` from a VAE: the rest was called broken, with 2 tensors too many."""
    found = recognised({name: shape for name, shape in kl().items() if not name.startswith("encoder.")})
    assert (found.answer, found.halves) == ("vae", ("decoder",))


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ((6, 6), "for pictures of 6 channels"),
        ((1, 1), "for pictures of 1 channel,"),
        ((3, 12), "its decoder gives 12 channels, as one does that enlarges pictures ×2"),
        ((4, 3), "its encoder takes pictures of 4 channels"),
    ],
)
@pytest.mark.parametrize("tiny", [False, True], ids=["kl", "tiny"])
def test_networks_that_are_no_rgb_autoencoders(channels: tuple[int, int], told: str, tiny: bool) -> None:
    """They were told as VAEs for SD1 or SDXL, and a comparison with one ended for all."""
    inward, outward = channels
    if tiny:
        ends = {"encoder.0.weight": (32, inward, 3, 3), "decoder.19.weight": (outward, 32, 3, 3)}
        shapes = _shapes(TinyShape(4, width=32)) | ends | {"decoder.19.bias": (outward,)}
    else:
        ends = {"encoder.conv_in.weight": (32, inward, 3, 3), "decoder.conv_out.weight": (outward, 32, 3, 3)}
        shapes = kl() | ends | {"decoder.conv_out.bias": (outward,)}
    found = recognised(shapes)
    assert (found.answer, found.name) == ("vae", "taesd" if tiny else "kl-f8")
    assert found.image_channels == channels and told in " ".join(found.remarks)
    assert found.spaces == (("sd1", "sdxl") if 3 in channels else ())


def test_a_vae_without_attention_in_its_middle() -> None:
    found = recognised({name: shape for name, shape in kl().items() if ".attn_1." not in name})
    assert (found.answer, found.name, found.middle_attention) == ("vae", "kl-f8", False)
    assert "no attention in its middle" in found.remarks[0] and recognised(kl()).middle_attention


def test_what_cannot_be_told() -> None:
    unknown = {f"decoder.transformer.{i}.weight": (8, 8) for i in range(50)}
    for shapes in (kl() | unknown, unknown | {"decoder.conv_in.weight": (8, 4, 3, 3)}, {"foo": (4, 4)}):
        found = recognised(shapes)
        assert (found.answer, found.name) == ("unclear", "") and found.reason.startswith("Cannot tell")


def test_a_vq_autoencoder_without_its_codebook_is_no_kl_autoencoder() -> None:
    plain = {
        name: ((4, *shape[1:]) if "quant_conv" in name or "encoder.conv_out" in name else shape)
        for name, shape in kl().items()
    }
    plain["quant_conv.weight"] = (4, 4, 1, 1)
    assert recognised(plain).answer == "unclear" and "codebook" in recognised(plain).reason


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight"], "LoRA"),
        (["unet.up_blocks.0.attentions.0.to_q.lora_A.weight"], "LoRA"),
        (["emb_params"], "embedding"),
        (["clip_g", "clip_l"], "embedding"),
        ([f"text_model.encoder.layers.{i}.self_attn.k_proj.weight" for i in range(12)], "CLIP"),
        ([f"encoder.block.{i}.layer.0.SelfAttention.q.weight" for i in range(6)], "T5"),
        (["model.layers.0.self_attn.q_proj.weight"], "language model"),
        (["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"], "upscaler"),
        (["conv_first.weight", "body.0.rdb1.conv1.weight"], "upscaler"),
        (["control_model.input_hint_block.0.weight"], "ControlNet"),
        (
            ["quantize.embedding.weight", "encoder.blocks.0.weight", "ft_layers.0.self_attn.in_proj_weight"],
            "CodeFormer",
        ),
        (["conv_in.weight", "time_embedding.linear_1.weight"], "diffusion model"),
        (["768.0.linear.0.weight", "320.1.linear.0.weight"], "hypernetwork"),
    ],
)
def test_what_is_another_model(names: list[str], told: str) -> None:
    found = recognised(dict.fromkeys(names, (8, 8)))
    assert found.answer == "none" and "not a VAE: it is" in found.reason and told in found.reason


def test_a_file_without_tensors() -> None:
    assert recognised({}) == Recognised("none", "This is not a VAE: it holds no tensors.")


def test_two_layers_with_numbers_are_no_half_of_a_taesd() -> None:
    """Any file whose layers have numbers alone was a broken TAESD."""
    assert recognised({"0.weight": (8, 8), "0.bias": (8,), "2.weight": (8, 8), "2.bias": (8,)}).answer == "unclear"


NAMES = [
    *kl(),
    *_shapes(TinyShape(4)),
    "quantize.embedding.weight",
    "bn.running_mean",
    "x",
    "decoder.up.99999.block.0.conv1.weight",
]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(st.sampled_from([0, 1, 3, 4, 32, 64, 2**40]), max_size=5).map(tuple),
        max_size=12,
    )
)
def test_any_names_and_shapes_get_an_answer(shapes: Shapes) -> None:
    try:
        signature = Signature(shapes)
    except UnknownArchitecture:
        return
    assert recognise(signature).reason.endswith(".")


def test_shapes_larger_than_any_tensor() -> None:
    shapes = {name: tuple(2**40 if size == 32 else size for size in shape) for name, shape in kl().items()}
    assert recognised(shapes).answer in ("broken", "unclear")
