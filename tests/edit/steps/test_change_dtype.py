"""Number formats: exact where they can be, counted or refused where not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.edit.files import made, same, saved
from tests.identity.files import cast, save, small_kl
from vae_workbench.edit.steps.change_dtype import ChangeDtype
from vae_workbench.errors import InvalidInput


@pytest.mark.parametrize(("name", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_rounded_once_as_torch_does_and_back_without_loss(tmp_path: Path, name: str, dtype: torch.dtype) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl() | {"steps": torch.tensor(3)})
    result = saved(source, ChangeDtype(name))
    narrow = cast(small_kl(), dtype)
    assert same(load_file(result.path), narrow | {"steps": torch.tensor(3)})
    assert any("values were rounded" in note for note in result.notes)
    wide = made(result.path, ChangeDtype("fp32"))
    assert same(load_file(wide), cast(narrow, torch.float32) | {"steps": torch.tensor(3)})
    assert same(load_file(made(wide, ChangeDtype(name))), load_file(result.path))


def file_of(folder: Path, values: torch.Tensor) -> Path:
    save_file({"w": values}, folder / "w.safetensors")
    return folder / "w.safetensors"


def test_what_overflows_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source = file_of(tmp_path, torch.tensor([1.0, -70000.0]))
    with pytest.raises(InvalidInput, match="w holds 70000, and the largest number of fp16 is 65504"):
        made(source, ChangeDtype("fp16"))
    assert list(tmp_path.iterdir()) == [source]
    assert load_file(made(source, ChangeDtype("bf16")))["w"].tolist() == [1.0, -70144.0]


def test_what_overflows_is_counted_where_that_is_asked_for(tmp_path: Path) -> None:
    result = saved(file_of(tmp_path, torch.tensor([1.0, -70000.0, float("inf")])), ChangeDtype("fp16", lossy=True))
    assert load_file(result.path)["w"].tolist() == [1.0, -65504.0, float("inf")]
    assert any(note.startswith("1 values were too large") for note in result.notes)


def test_a_tensor_that_would_vanish_is_refused(tmp_path: Path) -> None:
    source = file_of(tmp_path, torch.full((8,), 1e-9))
    with pytest.raises(InvalidInput, match="100% of them would be lost"):
        made(source, ChangeDtype("fp16"))
    assert any("8 values were too small" in note for note in saved(source, ChangeDtype("fp16", lossy=True)).notes)


def test_single_values_that_vanish_are_counted(tmp_path: Path) -> None:
    result = saved(file_of(tmp_path, torch.tensor([1.0, 1e-9])), ChangeDtype("fp16"))
    assert any("1 values were too small" in note for note in result.notes)


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Name one of fp32, fp16, bf16"):
        made(file_of(tmp_path, torch.ones(1)), ChangeDtype("int4"))
