"""Two VAEs, and what is said of them."""

from __future__ import annotations

import re

import pytest
import torch

from tests.identity.files import Tensors, cast, finetune, mixed, sketch_of, small_kl
from vae_workbench.edit.adjust import ColourChange, adjust_decoder
from vae_workbench.identity.relatives.likeness import compare
from vae_workbench.identity.relatives.lineage import Vae
from vae_workbench.identity.relatives.relations import plain_number, relative
from vae_workbench.identity.verdict import Relative
from vae_workbench.precision.rescale import scale_stream

ENCODER = ("encoder.", "quant_conv.")
TONED = adjust_decoder(small_kl(), ColourChange.of(saturation=1.3, brightness=0.05))


def relation(tensors: Tensors, other: Tensors | None = None, derived: bool | None = None) -> Relative | None:
    """What the one is to the other, which is called X."""
    one, base = (Vae(name, sketch_of(it)) for name, it in (("it", tensors), ("X", other or small_kl())))
    return relative(one, base, compare(one.sketch, [base.sketch])[0], derived)


def told(tensors: Tensors, other: Tensors | None = None, derived: bool | None = None) -> str:
    found = relation(tensors, other, derived)
    return found.text if found else ""


def half(tensors: Tensors, name: str) -> Tensors:
    return {key: it for key, it in tensors.items() if key.startswith(ENCODER) == (name == "encoder")}


def near(amount: float, tensors: Tensors | None = None) -> Tensors:
    noise = torch.Generator().manual_seed(5)
    return {
        name: it * (1 + amount * torch.randn(it.shape, generator=noise)) for name, it in (tensors or small_kl()).items()
    }


def test_copies() -> None:
    assert told(small_kl()) == "It has the weights of X, exactly."
    assert told(cast(small_kl(), torch.float16)) == "It has the weights of X, up to rounding to fp16."
    assert told(cast(small_kl(), torch.float8_e4m3fn)) == "It has the weights of X, up to rounding to fp8."


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_a_half_is_not_the_whole(name: str) -> None:
    """Someone who deletes "duplicates" would have lost the other half."""
    other = "decoder" if name == "encoder" else "encoder"
    part = half(small_kl(), name)
    assert told(part) == f"It is the {name} of X, without the {other}."
    assert told(cast(part, torch.float16)) == f"It is the {name} of X, without the {other}, up to rounding to fp16."
    assert told(small_kl(), part) == f"X is its {name} alone."
    assert told(part, part) == "It has the weights of X, exactly."
    assert re.fullmatch(f"Its {name} is nearly that of X, (9e-4|1e-3) apart.", told(near(1e-3, part)))


def test_nearly_the_same() -> None:
    assert re.fullmatch("It is nearly the same as X, (9e-4|1e-3) apart.", told(near(1e-3)))
    assert re.fullmatch("It is nearly the same as X, (9e-6|1e-5) apart.", told(near(1e-5)))
    text = told({**small_kl(), **half(near(1e-3), "decoder")})
    assert text.startswith("It is nearly the same as X, ") and text.endswith(" apart; the encoder is the same.")


def test_a_half_in_common() -> None:
    finetuned = mixed({"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}, small_kl(), finetune(3))
    assert told(finetuned).startswith("It has the encoder of X; the decoders are 0.")
    tiny = {name: tensor / 1000 for name, tensor in small_kl(1).items()}
    strange = mixed({"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}, small_kl(), tiny)
    assert told(strange) == "It has the encoder of X; the decoders have nothing in common."


def test_similar_and_strange() -> None:
    assert told(finetune(3)).startswith("It resembles X, at a distance of 0.")
    assert told(small_kl(1)) == ""
    assert told(small_kl(latent_channels=16)) == ""


@pytest.mark.parametrize(
    "other",
    [finetune(1), near(1e-3), TONED, scale_stream(small_kl(), "decoder", 64.0), cast(small_kl(), torch.bfloat16)],
)
def test_distance_and_relation_are_the_same_from_both_sides(other: Tensors) -> None:
    """The distance was measured by one's own weights: 0.51 one way, "nothing in common" the other."""
    one, back = relation(other), relation(small_kl(), other)
    assert one is not None and back is not None
    assert one.distance == pytest.approx(back.distance) and one.relation == back.relation
    assert one.distance < 2


def test_an_edit_of_colours_is_told_by_what_it_does() -> None:
    edit = "more saturated (×1.30), brighter (+0.05)"
    assert told(TONED, derived=True) == f"It is X with edited colours: {edit}."
    assert told(small_kl(), TONED, derived=False) == f"X is this one with edited colours: {edit}."
    text = "It differs from X in its last layer only, a colour edit; beside X: "
    assert told(TONED) == f"{text}{edit}."
    assert told(small_kl(), TONED) == f"{text}less saturated (×0.77), darker (−0.05)."
    assert told(cast(TONED, torch.float16), derived=True) == f"It is X with edited colours: {edit}."


def test_another_last_or_first_layer_is_no_edit_of_colours() -> None:
    def changed(*names: str) -> Tensors:
        return {**small_kl(), **{name: small_kl(1)[name] for name in names}}

    last, first = "decoder.conv_out.weight", "encoder.conv_in.weight"
    assert told(changed(last)) == "It differs from X in its last layer only."
    assert told(changed(first)) == "It differs from X in its first layer only."
    assert told({**TONED, first: small_kl(1)[first]}, derived=True).endswith("Its first layer is another, too.")


def test_an_encoder_that_takes_an_edit_back() -> None:
    matrix = ColourChange.of(saturation=1.3).matrix
    edited = adjust_decoder(small_kl(), ColourChange(matrix, torch.zeros(3)))
    first = torch.einsum("ocij,cd->odij", edited["encoder.conv_in.weight"], torch.linalg.inv(matrix))
    text = told({**edited, "encoder.conv_in.weight": first}, derived=True)
    assert text == "It is X with edited colours: more saturated (×1.30). Its first layer takes that back."


def test_a_rescaled_form_says_which_is_the_fp16_safe_one() -> None:
    small = scale_stream(small_kl(), "decoder", 2.0**-10)
    inner = "the values inside its decoder are up to 1,024 times"
    assert told(small, derived=True) == f"It is the same as X, made fp16-safe: {inner} smaller."
    assert told(small) == f"It is the same as X, rescaled: {inner} smaller, so that this is the fp16-safe one."
    large = f"It is the same as X, rescaled: {inner} as large, and may overflow in fp16; X is the fp16-safe one."
    assert told(small_kl(), small) == large


def test_numbers() -> None:
    assert [plain_number(it) for it in (0.123, 0.0123, 1e-3, 9.7e-4, 1e-12)] == [
        "0.12",
        "0.012",
        "1e-3",
        "1e-3",
        "1e-12",
    ]
