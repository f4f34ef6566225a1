from __future__ import annotations

import errno
import io
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vae_workbench.errors import Cancelled, InvalidInput, TargetExists, UnwritableTarget
from vae_workbench.progress import silent
from vae_workbench.weights import writer
from vae_workbench.weights.reader import load_tensors
from vae_workbench.weights.writer import Recipe, write_safetensors

OLD = b"the old file"


def recipes(**tensors: torch.Tensor) -> list[Recipe]:
    return [Recipe.of(name, tensor) for name, tensor in tensors.items()]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def failing(error: Exception) -> Callable[[], torch.Tensor]:
    def load() -> torch.Tensor:
        raise error

    return load


def test_the_bytes_are_those_of_the_library(tmp_path: Path) -> None:
    state = {
        "b.weight": torch.randn(4, 3, 2),
        "a.weight": torch.randn(2),
        "ü": torch.randn(3).half(),
        "x": torch.randn(5).bfloat16(),
        "flag": torch.tensor([True]),
        "f8": torch.randn(3).to(torch.float8_e5m2),
        "step": torch.tensor(3),
        "empty": torch.empty(0, 4),
    }
    save_file(state, tmp_path / "theirs", {"format": "pt"})
    write_safetensors(tmp_path / "ours", recipes(**state), {"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_the_library_reads_it(tmp_path: Path) -> None:
    state = {
        "turned": torch.randn(3, 4).t(),
        "grown": torch.nn.Parameter(torch.randn(2)),
        "wide": torch.ones(1).expand(3),
    }
    metadata = {"title": 'a "quoted" ü 🎨\n', "empty": ""}
    write_safetensors(tmp_path / "m", recipes(**state), metadata)
    loaded = load_file(tmp_path / "m")
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)
    with safe_open(tmp_path / "m", "pt") as peer:
        assert peer.metadata() == metadata


def test_nothing_to_write(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "m", [])
    assert load_tensors(tmp_path / "m") == {}


def test_one_tensor_at_a_time(tmp_path: Path) -> None:
    alive: list[weakref.ref[torch.Tensor]] = []

    def load() -> torch.Tensor:
        assert all(reference() is None for reference in alive)
        tensor = torch.ones(1000)
        alive.append(weakref.ref(tensor))
        return tensor

    write_safetensors(tmp_path / "m", [Recipe(str(number), "F32", (1000,), load) for number in range(5)])
    assert len(alive) == 5


def test_progress_rises_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "CHUNK", 1000)
    seen: list[float] = []
    write_safetensors(
        tmp_path / "m", recipes(a=torch.ones(1000), b=torch.ones(10)), progress=lambda done, _: seen.append(done)
    )
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(OLD)
    with pytest.raises(TargetExists, match="m exists already"):
        write_safetensors(tmp_path / "m", recipes(w=torch.ones(2)))
    assert (tmp_path / "m").read_bytes() == OLD
    write_safetensors(tmp_path / "m", recipes(w=torch.ones(2)), overwrite=True)
    assert load_tensors(tmp_path / "m")["w"].tolist() == [1, 1]
    assert names_in(tmp_path) == {"m"}


def test_a_file_that_someone_else_makes_in_the_meantime_is_kept(tmp_path: Path) -> None:
    def load() -> torch.Tensor:
        (tmp_path / "m").write_bytes(OLD)
        return torch.ones(2)

    with pytest.raises(TargetExists):
        write_safetensors(tmp_path / "m", [Recipe("w", "F32", (2,), load)])
    assert (tmp_path / "m").read_bytes() == OLD
    assert names_in(tmp_path) == {"m"}


def cancelling(done: float, what: str) -> None:
    if done > 0:
        raise Cancelled


FAILURES = {
    "a tensor cannot be loaded": (Recipe("w", "F32", (2,), failing(MemoryError())), MemoryError),
    "the source of a tensor fails": (Recipe("w", "F32", (2,), failing(OSError("gone"))), OSError),
    "another shape": (Recipe("w", "F32", (3,), lambda: torch.ones(2)), InvalidInput),
    "another format": (Recipe("w", "F16", (2,), lambda: torch.ones(2)), InvalidInput),
    "cancelled": (Recipe("w", "F32", (2,), lambda: torch.ones(2)), Cancelled),
}


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("case", FAILURES)
def test_failures_leave_nothing_behind(tmp_path: Path, case: str, overwrite: bool) -> None:
    last, error = FAILURES[case]
    progress = cancelling if case == "cancelled" else silent
    if overwrite:
        (tmp_path / "m").write_bytes(OLD)
    with pytest.raises(error):
        write_safetensors(
            tmp_path / "m", [*recipes(a=torch.ones(9).double()), last], overwrite=overwrite, progress=progress
        )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == ({"m": OLD} if overwrite else {})


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_becomes_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, overwrite: bool) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "old").write_bytes(OLD)
    for owner, name in {"fsync": [(os, "fsync")], "replace": [(Path, "replace"), (Path, "hardlink_to")]}[step]:
        monkeypatch.setattr(owner, name, refuse)
    with pytest.raises(UnwritableTarget, match=r"No space left on device\. Free some space"):
        write_safetensors(tmp_path / ("old" if overwrite else "m"), recipes(w=torch.ones(2)), overwrite=overwrite)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": OLD}


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    huge = Recipe("w", "F32", (1 << 50,), failing(AssertionError("never loaded")))
    with pytest.raises(UnwritableTarget, match=r"m needs [\d,]+\.\d MB, but"):
        write_safetensors(tmp_path / "m", [huge])
    assert names_in(tmp_path) == set()


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(OLD)
    for target, overwrite in (("missing/m", False), ("folder", True), ("file/m", False)):
        with pytest.raises(UnwritableTarget, match=Path(target).name):
            write_safetensors(tmp_path / target, recipes(w=torch.ones(2)), overwrite=overwrite)
    assert names_in(tmp_path) == {"file", "folder"}


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs an ordinary user")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UnwritableTarget, match="denied"):
        write_safetensors(tmp_path / "m", recipes(w=torch.ones(2)))


def test_the_longest_name_that_a_file_may_have(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    write_safetensors(target, recipes(w=torch.ones(2)))
    assert load_tensors(target)["w"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("names", "metadata"),
    [
        (["w", "w"], {}),
        (["__metadata__"], {}),
        (["\ud800"], {}),
        (["w"], {"number": 3}),
        (["w"], {"\ud800": ""}),
        (["w"], {"long": "x" * (9 << 20)}),
    ],
)
def test_what_no_file_can_hold(tmp_path: Path, names: list[str], metadata: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        write_safetensors(tmp_path / "m", [Recipe.of(name, torch.ones(1)) for name in names], metadata)
    assert names_in(tmp_path) == set()


def test_a_format_that_safetensors_lacks() -> None:
    with pytest.raises(InvalidInput, match=r"w is of torch\.complex128"):
        Recipe.of("w", torch.ones(1, dtype=torch.complex128))


def test_what_the_system_copies_and_what_it_does_not(tmp_path: Path) -> None:
    """The same bytes, whether the system copies all of them, stops midway, or cannot."""
    tensor = torch.arange(5000, dtype=torch.float32)
    raw = tensor.numpy().tobytes()
    for most in (0, 1, len(raw)):
        left = most

        def copy_to(file: io.FileIO, start: int, length: int) -> int:
            nonlocal left
            count = file.write(raw[start : start + min(length, left, 4096)])
            left -= count
            return count

        recipe = Recipe("a", "F32", (5000,), lambda: tensor, None, copy_to)
        write_safetensors(tmp_path / "m", [recipe, Recipe.of("b", torch.ones(3))], overwrite=True)
        found = load_file(tmp_path / "m")
        assert torch.equal(found["a"], tensor) and torch.equal(found["b"], torch.ones(3))
