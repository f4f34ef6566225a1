"""Merges, and that identity finds again what was merged."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.edit.files import made, metadata_of
from tests.identity.files import Tensors, cast, checkpoint, in_diffusers_names, save, small_kl
from tests.small_vaes import small_kl as wider_kl
from vae_workbench.edit.steps.merge import Merge
from vae_workbench.errors import InvalidInput
from vae_workbench.identity.examine import examine
from vae_workbench.identity.relatives.merges import find_merge
from vae_workbench.identity.sketch import Sketch


def files(folder: Path, *seeds: int) -> list[Path]:
    return [save(folder / f"{seed}.safetensors", small_kl(seed)) for seed in seeds]


def sum_of(*parts: tuple[float, Tensors]) -> Tensors:
    return {
        name: torch.stack([share * tensors[name].double() for share, tensors in parts]).sum(0).float()
        for name in parts[0][1]
    }


def sketch(path: Path) -> Sketch:
    found = examine(path).sketch
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seeds", "step", "shares"),
    [
        ((0, 1), {"weights": (0.3, 0.7)}, (0.3, 0.7)),
        ((0, 1), {"weights": (0.7,)}, (1 - 0.7, 0.7)),
        ((0, 1), {}, (0.5, 0.5)),
        ((0, 1, 2), {"weights": (0.2, 0.3, 0.5)}, (0.2, 0.3, 0.5)),
        ((0, 1, 2), {"weights": (0.6,), "method": "add-difference"}, (1.0, 0.6, -0.6)),
    ],
)
def test_the_sum_rounded_once_and_found_again(
    tmp_path: Path, seeds: tuple[int, ...], step: dict, shares: tuple
) -> None:  # type: ignore[type-arg]
    first, *others = files(tmp_path, *seeds)
    path = made(first, Merge(tuple(others), **step))
    expected = sum_of(*zip(shares, map(small_kl, seeds), strict=True))
    for name, value in load_file(path).items():  # sums in fp64 that lie between two numbers of fp32 may go either way
        assert torch.allclose(value, expected[name], rtol=2.0**-23, atol=1e-9), name
    assert metadata_of(path)["modelspec.merged_from"] == ", ".join(f"{seed}.safetensors" for seed in seeds)
    merge = find_merge(sketch(path), [sketch(file) for file in (first, *others)])
    assert merge is not None
    assert dict(zip(merge.parents, merge.coefficients, strict=True)) == pytest.approx(dict(enumerate(shares)), abs=1e-3)


def test_blocks_and_halves(tmp_path: Path) -> None:
    first, other = files(tmp_path, 0, 1)
    path = made(first, Merge((other,), (0.5, 0.5), blocks={"encoder": 0.0, "decoder": 1.0, "decoder.up.3": 0.25}))
    merged = load_file(path)
    halved = sum_of((0.75, small_kl(0)), (0.25, small_kl(1)))
    for name, value in merged.items():
        of_encoder = name.startswith(("encoder.", "quant_conv."))
        expected = small_kl(0) if of_encoder else halved if name.startswith("decoder.up.3.") else small_kl(1)
        assert torch.allclose(value, expected[name], rtol=2.0**-23, atol=1e-9), name
        assert not of_encoder or torch.equal(value, expected[name]), name


def test_of_other_names_precision_and_out_of_a_checkpoint(tmp_path: Path) -> None:
    first = save(tmp_path / "a.safetensors", cast(in_diffusers_names(small_kl(0)), torch.float16))
    other = save(tmp_path / "b.ckpt", checkpoint("sd1", small_kl(1)), "torch-zip")
    expected = in_diffusers_names(sum_of((0.5, cast(small_kl(0), torch.float16, torch.float32)), (0.5, small_kl(1))))
    merged = load_file(made(first, Merge((other,))))
    assert {name: value.shape for name, value in merged.items()} == {
        name: value.shape for name, value in expected.items()
    }
    assert all(torch.allclose(value, expected[name], rtol=2.0**-23, atol=1e-9) for name, value in merged.items())


def test_halves_of_both_16_bit_formats_become_fp32(tmp_path: Path) -> None:
    first = save(tmp_path / "a.safetensors", cast(small_kl(0), torch.float16))
    other = save(tmp_path / "b.safetensors", cast(small_kl(1), torch.bfloat16))
    assert {value.dtype for value in load_file(made(first, Merge((other,)))).values()} == {torch.float32}


@pytest.mark.parametrize(
    ("seeds", "step", "sentence"),
    [
        ((0, 1), {"weights": (0.5, 0.6)}, "2 weights that add up to 1.1"),
        ((0, 1, 2), {}, "No weights are given for 3"),
        ((0, 1), {"weights": (math.nan, 0.5)}, "A weight is no number"),
        ((0, 1), {"blocks": {"encoder": math.inf}}, "A weight is no number"),
        ((0, 1), {"method": "add-difference"}, "for a difference, three"),
        ((0, 1, 2), {"method": "add-difference", "weights": (1.0, 2.0)}, "takes one weight"),
        ((0, 1), {"method": "slerp"}, "slerp is no method"),
        ((0, 1), {"blocks": {"decoder.up.9": 1.0}}, "has no block 'decoder.up.9'"),
        ((0, 1, 2), {"weights": (0.2, 0.3, 0.5), "blocks": {"encoder": 1.0}}, "Blocks can be weighted for two"),
        ((0, 1, 2, 3), {"weights": (0.25,) * 4}, "4 VAEs cannot be merged"),
    ],
)
def test_what_makes_no_merge(tmp_path: Path, seeds: tuple[int, ...], step: dict, sentence: str) -> None:  # type: ignore[type-arg]
    first, *others = files(tmp_path, *seeds)
    with pytest.raises(InvalidInput, match=sentence):
        made(first, Merge(tuple(others), **step))


def test_other_networks_and_latent_spaces_are_refused(tmp_path: Path) -> None:
    (first,) = files(tmp_path, 0)
    with pytest.raises(InvalidInput, match="its network is another"):
        made(first, Merge((save(tmp_path / "wide.safetensors", wider_kl()),)))
    spaces = []
    for name in ("stable-diffusion-v1/vae", "stable-diffusion-xl-v1-base/vae"):
        spaces.append(tmp_path / f"{len(spaces)}-space.safetensors")
        save_file(small_kl(len(spaces)), spaces[-1], {"modelspec.architecture": name})
    with pytest.raises(InvalidInput, match="one is for SDXL, the other for SD1 and SD2"):
        made(spaces[0], Merge((spaces[1],)))
