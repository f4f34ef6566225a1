from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.identity.files import cast, in_diffusers_names, prefixed, save, sketch_of, small_kl
from vae_workbench.identity.examine import examine
from vae_workbench.identity.relatives.likeness import compare
from vae_workbench.identity.sketch import RUN, Sketch

HALF_NAMES = {"encoder": ("encoder.", "quant_conv."), "decoder": ("decoder.", "post_quant_conv.")}


def copy(one: Sketch, other: Sketch) -> str | None:
    return compare(one, [other])[0].copy


@pytest.mark.parametrize(
    ("container", "prefix"),
    [
        ("safetensors", "first_stage_model."),
        ("torch-zip", "vae."),
        ("torch-legacy", ""),
        ("deflated", "first_stage_model."),
    ],
)
def test_container_and_prefix_do_not_matter(container: str, prefix: str) -> None:
    original = sketch_of(small_kl())
    converted = sketch_of(prefixed(small_kl(), prefix) | {"loss.logvar": torch.ones(())}, container)
    assert original.id == converted.id
    assert copy(converted, original) == "copy"


def test_names_do_not_matter() -> None:
    assert sketch_of(small_kl()).id == sketch_of(in_diffusers_names(small_kl())).id


def test_order_in_memory_does_not_matter() -> None:
    turned = {
        name: tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
        for name, tensor in small_kl().items()
    }
    assert sketch_of(small_kl()).id == sketch_of(turned, "torch-zip").id


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((torch.float16,), "fp16 copy"),
        ((torch.bfloat16,), "bf16 copy"),
        ((torch.float16, torch.bfloat16), "bf16 copy"),
        ((torch.bfloat16, torch.float16), "bf16 copy"),
        ((torch.float16, torch.bfloat16, torch.float32), "bf16 copy"),
        ((torch.float8_e4m3fn,), "fp8 copy"),
        ((torch.float8_e5m2,), "fp8 copy"),
        ((torch.float16, torch.float8_e4m3fn, torch.bfloat16), "fp8 copy"),
        ((torch.float64,), "copy"),
    ],
)
def test_precision(dtypes: tuple[torch.dtype, ...], expected: str) -> None:
    tiny_weights = {name: tensor * (1e-6 if name.endswith("conv1.bias") else 1) for name, tensor in small_kl().items()}
    original = sketch_of(tiny_weights)
    reduced = sketch_of(cast(tiny_weights, *dtypes))
    assert copy(reduced, original) == copy(original, reduced) == expected
    assert (reduced.id == original.id) == (expected == "copy")


def test_digits_of_the_values_whatever_the_format() -> None:
    casts = ((), (torch.float16,), (torch.bfloat16,), (torch.float16, torch.float32), (torch.float8_e4m3fn,))
    told = [sketch_of(cast(small_kl(), *dtypes)).digits for dtypes in casts]
    assert told == pytest.approx([24, 11, 8, 11, 4], abs=0.5)


def test_two_fp32_files_that_differ_are_two_vaes() -> None:
    """Files 1e-3 apart were one group of copies, because bf16 would not tell them apart; but they are not in bf16."""
    noise = torch.Generator().manual_seed(5)
    other = {name: it * (1 + 1e-3 * torch.randn(it.shape, generator=noise)) for name, it in small_kl().items()}
    likeness = compare(sketch_of(other), [sketch_of(small_kl())])[0]
    assert likeness.copy is None
    assert likeness.distance == pytest.approx(1e-3, rel=0.2)


def test_bf16_stored_as_fp32_is_bf16() -> None:
    wide = sketch_of(cast(small_kl(), torch.bfloat16, torch.float32))
    assert copy(wide, sketch_of(small_kl())) == copy(sketch_of(small_kl()), wide) == "bf16 copy"


def test_a_file_of_several_precisions_is_a_copy() -> None:
    """Norms in fp32, the rest in fp8, as some programs write them."""
    original = {name: it + 0.1 * torch.rand(it.shape) if "norm" in name else it for name, it in small_kl().items()}
    norms = {name: tensor for name, tensor in original.items() if "norm" in name}
    both = {**cast(original, torch.float8_e4m3fn, torch.float32), **norms}
    assert copy(sketch_of(both), sketch_of(original)) == "fp8 copy"
    both["decoder.norm_out.weight"] = both["decoder.norm_out.weight"] + 0.01
    assert copy(sketch_of(both), sketch_of(original)) is None, "a norm is not in fp8"


def test_clamped_to_the_largest_number_of_a_format() -> None:
    tensors = small_kl()
    tensors["decoder.mid.block_1.conv1.weight"] = 1e5 * tensors["decoder.mid.block_1.conv1.weight"]
    clamped = {name: it.clamp(-65504, 65504).half() for name, it in tensors.items()}
    tensors["decoder.mid.block_1.conv1.weight"] *= 100
    clamped["decoder.mid.block_1.conv1.weight"] = (
        tensors["decoder.mid.block_1.conv1.weight"].clamp(-65504, 65504).half()
    )
    assert copy(sketch_of(clamped), sketch_of(tensors)) == "fp16 copy"


@pytest.mark.parametrize("row", range(3))
def test_a_change_of_one_colour_is_seen(row: int) -> None:
    """The last layer was read in one run, so that an edit of red alone could leave the sketch as it was."""
    tensors = small_kl()
    weight = tensors["decoder.conv_out.weight"].clone()
    weight[row] *= 1.1
    tensors["decoder.conv_out.weight"] = weight
    assert sketch_of(tensors).id != sketch_of(small_kl()).id


def test_wide_files_have_the_id_of_narrow_ones_with_the_same_numbers() -> None:
    narrow = sketch_of(cast(small_kl(), torch.float16))
    assert narrow.id == sketch_of(cast(small_kl(), torch.float16, torch.float32)).id


def test_another_vae_is_no_copy() -> None:
    one, other = sketch_of(small_kl(0)), sketch_of(small_kl(1))
    assert copy(one, other) is None
    assert compare(one, [other])[0].distance > 0.9


@pytest.mark.parametrize("name", list(small_kl())[::7])
def test_a_tensor_that_was_replaced_is_seen(name: str) -> None:
    original, tensors = sketch_of(small_kl()), small_kl()
    tensors[name] = tensors[name] * 1.02 + 0.001
    changed = sketch_of(tensors)
    assert copy(changed, original) is None
    half = "encoder" if name.startswith(HALF_NAMES["encoder"]) else "decoder"
    other = "decoder" if half == "encoder" else "encoder"
    likeness = compare(changed, [original])[0]
    assert (likeness.halves[half].copy, likeness.halves[other].copy) == (None, "copy")
    assert name in likeness.halves[half].changed


@pytest.mark.parametrize("half", HALF_NAMES)
def test_halves_are_compared_with_the_whole(half: str) -> None:
    whole = sketch_of(small_kl())
    part = sketch_of({name: it for name, it in small_kl().items() if name.startswith(HALF_NAMES[half])})
    assert compare(part, [whole])[0].halves[half].copy == "copy"
    assert copy(part, whole) is None and copy(whole, part) is None, "the whole is more than the half"
    assert part.id != whole.id


def test_other_sizes_have_nothing_in_common() -> None:
    likeness = compare(sketch_of(small_kl()), [sketch_of(small_kl(latent_channels=16))])[0]
    assert (likeness.copy, likeness.halves) == (None, {})


def test_weights_that_are_no_numbers_are_like_nothing() -> None:
    tensors = small_kl()
    tensors["decoder.conv_out.bias"] = torch.tensor([0.0, float("nan"), 1.0])
    damaged = sketch_of(tensors)
    assert damaged.damaged == ("decoder.conv_out.bias",) and damaged.blank
    assert compare(damaged, [damaged])[0].copy is None


def test_zeros_are_like_nothing() -> None:
    blank = sketch_of({name: torch.zeros_like(tensor) for name, tensor in small_kl().items()})
    assert blank.blank and not blank.damaged
    assert compare(blank, [blank])[0].copy is None


def test_bytes_and_back() -> None:
    original = sketch_of(small_kl())
    restored = Sketch.from_bytes(original.to_bytes())
    assert restored.id == original.id
    assert copy(restored, original) == "copy"
    again = Sketch.from_bytes(original.to_bytes())
    assert again.halves["encoder"].layout is restored.halves["encoder"].layout, "layouts are shared"
    for junk in (b"", b"junk", original.to_bytes()[:100]):
        with pytest.raises(ValueError, match="not a sketch"):
            Sketch.from_bytes(junk)


def test_only_few_bytes_of_weights_are_read(tmp_path: Path, ranges_read: list[tuple[int, int]]) -> None:
    path = save(tmp_path / "m", prefixed(small_kl(), "first_stage_model.") | {"other": torch.ones(100_000)})
    header = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    ranges_read.clear()
    examine(path)
    weights = [(start, stop) for start, stop in ranges_read if start >= header]
    assert len(weights) <= len(small_kl()) + 2, "the last layer in each of its three rows"
    assert all(stop - start <= 4 * 2 * RUN for start, stop in weights)
