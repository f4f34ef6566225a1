"""Synthetic relatives: a base, and finetunes that share most of its weights, as people merge them."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch

from tests.identity.files import Tensors, cast, finetune, mixed, sketch_of, small_kl
from vae_workbench.identity.relatives.merge_words import merge_relative
from vae_workbench.identity.relatives.merges import Merge, block_of, find_merge
from vae_workbench.identity.sketch import Sketch

NAMES = ["A", "B", "C", "D", "E"]


@lru_cache(maxsize=1)
def parents() -> list[Sketch]:
    return [sketch_of(finetune(seed)) for seed in range(len(NAMES))]


def coefficients(merge: Merge | None) -> dict[str, float]:
    assert merge is not None
    return {NAMES[parent]: round(value, 2) for parent, value in zip(merge.parents, merge.coefficients, strict=True)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_two(share: float, dtype: torch.dtype) -> None:
    merge = find_merge(sketch_of(cast(mixed(1 - share, finetune(0), finetune(2)), dtype)), parents())
    assert coefficients(merge) == {"A": 1 - share, "C": share}
    assert merge is not None and not merge.blocks
    assert merge.residual < {torch.float32: 1e-6, torch.float16: 2**-11, torch.bfloat16: 2**-8}[dtype]


def test_three() -> None:
    half = mixed(0.5, finetune(0), finetune(1))
    merge = find_merge(sketch_of(cast(mixed(0.6, half, finetune(3)), torch.float16)), parents())
    assert coefficients(merge) == {"A": 0.3, "B": 0.3, "D": 0.4}


def test_add_difference() -> None:
    a, b, c = (finetune(seed) for seed in (0, 1, 2))
    merge = find_merge(sketch_of({name: a[name] + 0.7 * (b[name] - c[name]) for name in a}), parents())
    assert coefficients(merge) == {"A": 1.0, "B": 0.7, "C": -0.7}
    assert merge is not None
    assert "A + 0.70 × (B − C)" in merge_relative(merge, NAMES).text


def test_block_weighted() -> None:
    shares = {
        "encoder.down.0": 0.2,
        "encoder.": 0.5,
        "decoder.up.3": 0.0,
        "decoder.mid": 1.0,
        "decoder.": 0.75,
        "": 0.5,
    }
    merge = find_merge(sketch_of(cast(mixed(shares, finetune(1), finetune(4)), torch.float16)), parents())
    assert merge is not None and {NAMES[parent] for parent in merge.parents} == {"B", "E"}
    place = merge.parents.index(1)
    found = {block: round(pair[place], 1 if block.endswith("conv") else 2) for block, pair in merge.blocks.items()}
    expected = {block: next(s for start, s in shares.items() if (block + ".").startswith(start)) for block in found}
    assert found == pytest.approx(expected, abs=0.011)
    assert len(found) == 16
    assert "with other proportions in each block" in merge_relative(merge, NAMES).text


def test_the_encoder_of_one_and_the_decoder_of_another() -> None:
    halves = {"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}
    merge = find_merge(sketch_of(mixed(halves, finetune(0), finetune(3))), parents())
    assert merge is not None
    text = merge_relative(merge, NAMES).text
    assert "encoder of A, decoder of D" in text


def test_parents_with_the_same_encoder() -> None:
    """Decoder-only finetunes merged: the encoder tells no proportion, and must not hide the decoder's."""
    one = mixed({"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}, small_kl(), finetune(0))
    other = mixed({"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}, small_kl(), finetune(1))
    shares = {"decoder.mid": 0.2, "": 0.6}
    merge = find_merge(sketch_of(mixed(shares, one, other)), [sketch_of(one), sketch_of(other)])
    assert merge is not None
    assert {block.partition(".")[0] for block in merge.blocks} == {"decoder", "post_quant_conv"}


def test_a_merge_among_the_candidates_does_not_hide_its_parents() -> None:
    other_merge = sketch_of(mixed(0.5, finetune(0), finetune(1)))
    merge = find_merge(sketch_of(mixed(0.7, finetune(0), finetune(1))), [other_merge, *parents()])
    assert merge is not None and merge.parents == (1, 2)


def test_what_is_no_merge() -> None:
    assert find_merge(sketch_of(finetune(9)), parents()) is None, "another finetune"
    assert find_merge(sketch_of(small_kl(1)), parents()) is None, "a stranger"
    assert find_merge(sketch_of(finetune(9, 0.002)), [sketch_of(small_kl()), *parents()]) is None, (
        "a very slight finetune"
    )
    four = mixed(0.5, mixed(0.5, finetune(0), finetune(1)), mixed(0.5, finetune(2), finetune(3)))
    assert find_merge(sketch_of(four), parents()) is None, "four parents are outside"


def test_continued_training_is_no_merge() -> None:
    """A finetune of a finetune goes on in about the same direction."""
    first, noise = finetune(0), finetune(5)
    further = {
        name: first[name] + 0.5 * (first[name] - small_kl()[name]) + 0.3 * (noise[name] - small_kl()[name])
        for name in first
    }
    assert find_merge(sketch_of(further), [sketch_of(small_kl()), sketch_of(first)]) is None
    assert find_merge(sketch_of(first), [sketch_of(small_kl()), sketch_of(further)]) is None


def test_candidates_that_cannot_be_compared_are_passed_over() -> None:
    wide = sketch_of(small_kl(latent_channels=16))
    half = sketch_of({name: it for name, it in small_kl().items() if name.startswith("decoder.")})
    merge = find_merge(sketch_of(mixed(0.5, finetune(0), finetune(1))), [wide, half, *parents()])
    assert merge is not None and sorted(merge.parents) == [2, 3]
    assert find_merge(wide, parents()) is None
    assert find_merge(sketch_of(finetune(0)), []) is None


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("encoder.down.2.block.0.conv1.weight", "encoder.down.2"),
        ("decoder.up.0.upsample.conv.bias", "decoder.up.0"),
        ("decoder.mid.attn_1.q.weight", "decoder.mid"),
        ("encoder.conv_in.weight", "encoder.conv_in"),
        ("decoder.norm_out.weight", "decoder.out"),
        ("post_quant_conv.bias", "post_quant_conv"),
        ("decoder.12.conv.0.weight", "decoder.12"),
        ("bn.running_mean", "bn"),
    ],
)
def test_blocks(name: str, block: str) -> None:
    assert block_of(name) == block


def half(tensors: Tensors, name: str) -> Tensors:
    """The encoder or the decoder alone."""
    encoder = ("encoder.", "quant_conv.")
    return {key: it for key, it in tensors.items() if key.startswith(encoder) == (name == "encoder")}


def test_what_people_do_not_make_is_no_merge() -> None:
    """A parent was shown as a merge of its children: "2.00 × child − 1.00 × other"."""
    a, b = finetune(0), finetune(1)
    middle = mixed(0.5, a, b)
    assert find_merge(sketch_of(a), [sketch_of(middle), sketch_of(b)]) is None
    assert find_merge(sketch_of(a), [sketch_of(middle), sketch_of(b), sketch_of(finetune(2))]) is None
    inner = mixed(0.2, a, b)
    assert find_merge(sketch_of(a), [sketch_of(it) for it in (inner, middle, b)]) is None, "three on one line"
    doubled = {name: a[name] + 1.5 * (b[name] - finetune(2)[name]) for name in a}
    assert find_merge(sketch_of(doubled), parents()) is None, "more than the whole difference"


def test_a_layer_that_does_not_fit_is_no_merge() -> None:
    merged = mixed(0.5, finetune(0), finetune(1))
    merged["decoder.conv_out.weight"] = merged["decoder.conv_out.weight"] * 1.05
    assert find_merge(sketch_of(merged), parents()) is None


def test_computed_in_fp16() -> None:
    """Programs round the parents, each product and the sum."""
    a, b = (cast(finetune(seed), torch.float16) for seed in (0, 1))
    merged = {name: 0.3 * a[name] + 0.7 * b[name] for name in a}
    assert coefficients(find_merge(sketch_of(merged), parents())) == {"A": 0.3, "B": 0.7}
    rounded = [sketch_of(a), sketch_of(cast(finetune(1), torch.bfloat16))]
    assert coefficients(find_merge(sketch_of(mixed(0.3, finetune(0), finetune(1))), rounded)) == {"A": 0.3, "B": 0.7}


def test_a_half_is_a_merge_of_the_halves_of_whole_ones() -> None:
    merged = half(mixed(0.3, finetune(0), finetune(1)), "decoder")
    assert coefficients(find_merge(sketch_of(merged), parents())) == {"A": 0.3, "B": 0.7}


def test_a_missing_parent_is_not_replaced_by_a_stranger() -> None:
    merged = sketch_of(mixed(0.3, finetune(0), finetune(1)))
    assert find_merge(merged, [sketch_of(finetune(seed)) for seed in (0, 2, 3, 4)]) is None


def test_candidates_that_are_equal_to_the_target_in_a_block() -> None:
    """Edits of one decoder have the same encoder: the numbers of these blocks are all zero, and a search ended in a warning."""
    base = small_kl()
    decoders = [
        {**base, **{name: it for name, it in finetune(seed).items() if name.startswith("decoder.up")}}
        for seed in range(4)
    ]
    assert find_merge(sketch_of(decoders[0]), [sketch_of(it) for it in decoders[1:]]) is None
