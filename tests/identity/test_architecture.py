from __future__ import annotations

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
from vae_workbench.identity.architecture import ARCHITECTURES, Architecture, Recognised, recognise
from vae_workbench.identity.signature import Signature

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
    "taesd/vae-approx-model": "",
    "taesd/vaeapprox-sdxl": "",
}


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
    assert found.answer == ("vae" if EXPECTED[key] else "none"), found.reason


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
    "video": ("wan",),
    "taesd-{channels}ch": ("taef2", "taesd", "taesd-16ch"),
    "kl-f4": ("vq-f{factor}",),
    "kl-f8": ("vq-f{factor}", "asymmetric-kl-f{factor}"),
    "kl-f16": ("vq-f{factor}",),
    "kl-f8-16ch-quant": ("wan",),
    "kl-f8-16ch": ("wan",),
    "kl-f{factor}-{channels}ch": (
        "vq-f{factor}", "asymmetric-kl-f{factor}", "kl-f4", "kl-f8", "kl-f8-16ch", "kl-f32", "wan"
    ),
}  # fmt: skip
"""Row → rows above that take architectures which meet its condition too: where the order matters."""


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
    for name in ("decoder.norm_out.weight", "decoder.norm_out.bias", "encoder.mid.block_1.conv1.bias"):
        del shapes[name]
    found = recognised(shapes)
    assert found.answer == "broken" and found.name == "kl-f8"
    assert "a VAE, but broken: 3 tensors missing, for example encoder.mid.block_1.conv1.bias" in found.reason
    found = recognised(kl() | {"decoder.mid.block_1.norm1.bias": (7,)})
    assert "1 tensor of another shape, for example decoder.mid.block_1.norm1.bias" in found.reason
    found = recognised(kl() | {"decoder.mystery": (7,)})
    assert found.answer == "broken" and "1 tensor too many, for example decoder.mystery" in found.reason
    without_start = {name: shape for name, shape in kl().items() if name != "decoder.conv_in.weight"}
    assert recognised(without_start).answer == "broken"
    assert "decoder.conv_in.weight is missing" in recognised(without_start).reason


def test_what_cannot_be_told() -> None:
    unknown = {f"decoder.transformer.{i}.weight": (8, 8) for i in range(50)}
    for shapes in (kl() | unknown, unknown | {"decoder.conv_in.weight": (8, 4, 3, 3)}):
        found = recognised(shapes)
        assert (found.answer, found.name) == ("unclear", "") and found.reason.startswith("Cannot tell")


@pytest.mark.parametrize(
    "shapes",
    [
        {},
        {"lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight": (320, 4, 1, 1)},
        {"emb_params": (2, 768)},
        {f"encoder.layers.{i}.self_attn.k_proj.weight": (768, 768) for i in range(12)},
        {f"encoder.block.{i}.layer.0.SelfAttention.q.weight": (512, 512) for i in range(6)},
    ],
    ids=["nothing", "lora", "embedding", "clip", "t5"],
)
def test_what_is_no_vae(shapes: Shapes) -> None:
    found = recognised(shapes)
    assert found.answer == "none" and "not a VAE" in found.reason


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
