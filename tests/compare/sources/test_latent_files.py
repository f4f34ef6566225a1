"""Latents as people have them in files."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.sources.latent_files import MOST_LATENTS, load_latents
from vae_workbench.compare.sources.sources import SourceLatents, load_sources, save_latents
from vae_workbench.errors import FileProblem, InvalidInput, WorkbenchError

LATENT = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(1))
MARKER = {"latent_format_version_0": torch.tensor([])}


def written(path: Path, value: object) -> Path:
    if path.suffix == ".npy":
        np.save(path, value)
    elif path.suffix == ".pt":
        torch.save(value, path)
    else:
        save_file(value, path)
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bare.npy", LATENT.numpy()),
        ("fortran.npy", np.asfortranarray(LATENT.numpy())),
        ("big-endian.npy", LATENT.numpy().astype(">f4")),
        ("bare.pt", LATENT),
        ("list.pt", [LATENT]),
        ("view.pt", torch.cat([LATENT, LATENT])[:2]),
        ("permuted.pt", LATENT.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2)),
        ("samples.pt", {"samples": LATENT, "noise_mask": LATENT[:, :1], "batch_index": [0, 1]}),
        ("nested.pt", {"result": {"latents": LATENT}}),
        ("latents.safetensors", {"latents": LATENT, "seed": torch.zeros(1)}),
        ("one-name.safetensors", {"whatever": LATENT}),
        ("comfy.latent", {"latent_tensor": LATENT, **MARKER}),
    ],
)
def test_each_of_a_batch_is_a_latent_of_its_own(tmp_path: Path, name: str, value: object) -> None:
    read = load_latents(written(tmp_path / name, value))
    assert [tuple(item.shape) for item in read.values] == [(1, 4, 6, 8)] * 2
    assert torch.equal(torch.cat(read.values), LATENT) and read.space is None


def test_a_latent_file_is_a_source_for_each_of_its_latents(tmp_path: Path) -> None:
    sources = load_sources([written(tmp_path / "two.latent", {"latent_tensor": LATENT, **MARKER})])
    assert [source.record.name for source in sources] == ["two.latent 1", "two.latent 2"]
    assert {(source.record.kind, source.record.width, source.record.height) for source in sources} == {
        ("latent", 64, 48)
    }
    assert all(source.latents is not None and not source.latents.are_scaled for source in sources)


def test_what_a_comparison_kept_tells_its_units_and_space(tmp_path: Path) -> None:
    kept = SourceLatents(LATENT[:1], False, LATENT_SPACES["sdxl"])
    save_latents(ComparisonFolder(tmp_path), "latent-a.safetensors", kept)
    read = load_latents(tmp_path / "latent-a.safetensors")
    assert (read.are_scaled, read.space, read.notes) == (False, LATENT_SPACES["sdxl"], ())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_any_floating_point_format(tmp_path: Path, dtype: torch.dtype) -> None:
    read = load_latents(written(tmp_path / "a.pt", {"latent": LATENT[0].to(dtype)}))
    assert read.values[0].dtype == torch.float32 and torch.equal(read.values[0][0], LATENT[0].to(dtype).float())


def test_half_precision_of_numpy(tmp_path: Path) -> None:
    read = load_latents(written(tmp_path / "a.npy", LATENT[0].half().numpy()))
    assert torch.equal(read.values[0], LATENT[:1].half().float())


def test_a_latent_of_comfyui_is_raw(tmp_path: Path) -> None:
    read = load_latents(written(tmp_path / "new.latent", {"latent_tensor": LATENT, **MARKER}))
    assert (read.are_scaled, read.notes) == (False, ())


def test_one_of_comfyui_before_sdxl_was_scaled(tmp_path: Path) -> None:
    read = load_latents(written(tmp_path / "old.latent", {"latent_tensor": LATENT}))
    assert torch.allclose(torch.cat(read.values), LATENT / 0.18215)
    assert read.are_scaled is False and read.space and read.space.name == "sd1" and "before SDXL" in read.notes[0]


@pytest.mark.parametrize(
    ("channels", "spread", "are_scaled"),
    [
        (4, 1.0, True),
        (4, 5.5, False),
        (4, 2.4, None),
        (16, 1.0, None),
        (16, 2.8, False),
        (8, 5.0, None),
        (4, 0.0, None),
    ],
)
def test_units_are_told_by_the_spread_only_where_it_is_sure(
    tmp_path: Path, channels: int, spread: float, are_scaled: bool | None
) -> None:
    values = torch.randn(channels, 32, 32, generator=torch.Generator().manual_seed(2)) * spread
    read = load_latents(written(tmp_path / "a.npy", values.numpy()))
    assert read.are_scaled is are_scaled and read.taken_as_scaled is (are_scaled is not False)
    assert ("does not tell" in read.notes[0]) is (are_scaled is None)


def test_values_that_are_not_finite_are_told_and_mislead_nobody(tmp_path: Path) -> None:
    values = LATENT.clone()
    values[0, 0, 0, :4] = torch.tensor([float("nan"), float("inf"), -float("inf"), float("nan")])
    read = load_latents(written(tmp_path / "a.pt", values))
    assert read.are_scaled is True and "1.0% of the values in the file are not finite numbers." in read.notes


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("film.safetensors", {"samples": torch.zeros(1, 16, 5, 8, 8)}, "latents of a film"),
        ("packed.pt", torch.zeros(1, 4096, 64), "packed for a transformer"),
        ("last.npy", np.zeros((64, 48, 4), np.float32), "does not begin with its channels"),
        ("picture.npy", np.zeros((4, 8, 8), np.uint8), r"type \|u1"),
        ("objects.npy", np.array([{}]), r"type \|O"),
        ("whole.pt", {"latents": torch.zeros(4, 8, 8, dtype=torch.long)}, "whole numbers"),
        ("number.npy", np.float32(3), "a single number"),
        ("flat.pt", torch.zeros(64), "a tensor of 64"),
        ("empty.pt", torch.zeros(0, 4, 8, 8), "0×4×8×8"),
        ("model.safetensors", {"a": torch.zeros(4, 8, 8), "b": torch.zeros(4, 8, 8)}, "2 tensors"),
        ("list.pt", [LATENT, LATENT], "a list of 2 tensors"),
        ("nothing.pt", {"a": 3}, "no tensor"),
        ("many.pt", torch.zeros(1).expand(MOST_LATENTS + 1, 4, 1, 1), "more than can be compared"),
        ("wide.pt", torch.zeros(1).expand(1, 4, 1, 4096), "more than can be compared"),
        ("repeated.pt", torch.zeros(1).expand(256, 64, 2000, 8), "more than can be compared"),
        ("gaps.pt", torch.zeros(1 << 10).as_strided((1, 4, 2, 2), (0, 1, 2, 3)), None),
    ],
)
def test_what_is_no_latent_is_refused_with_a_sentence(
    tmp_path: Path, name: str, value: object, told: str | None
) -> None:
    path = written(tmp_path / name, value)
    if told is None:
        assert load_latents(path).values[0].shape == (1, 4, 2, 2)
        return
    with pytest.raises(InvalidInput, match=told):
        load_latents(path)


def test_a_file_that_promises_more_than_it_has_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "liar.npy"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (256, 4, 300, 400), }".ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 64)
    with pytest.raises(FileProblem, match="promises another number"):
        load_latents(path)


def test_code_in_a_pickle_is_told_and_never_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
            return Path.touch.__globals__["os"].mkdir, (str(tmp_path / "was run"),)

    read = load_latents(written(tmp_path / "evil.pt", {"latents": LATENT, "x": Evil()}))
    assert "Nothing of it was run" in read.notes[0] and not (tmp_path / "was run").exists()


@pytest.mark.parametrize("name", ["a.npy", "a.pt", "a.latent"])
def test_damaged_files_give_a_sentence_and_nothing_else(tmp_path: Path, name: str) -> None:
    value = {"a.npy": LATENT.numpy(), "a.pt": {"samples": LATENT}, "a.latent": {"latent_tensor": LATENT, **MARKER}}[
        name
    ]
    path = written(tmp_path / name, value)
    whole = path.read_bytes()
    dice = random.Random(7)
    refused = 0
    for _ in range(300):
        broken = bytearray(whole[: dice.randrange(len(whole))] if dice.random() < 0.2 else whole)
        for _ in range(dice.randrange(1, 4) if broken else 0):
            broken[dice.randrange(min(len(broken), 600))] = dice.randrange(256)
        path.write_bytes(broken)
        try:
            assert all(item.dtype == torch.float32 for item in load_latents(path).values)
        except WorkbenchError as error:
            refused += 1
            assert str(error).endswith(".")
    assert refused > 50
