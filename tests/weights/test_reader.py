from __future__ import annotations

import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vae_workbench.errors import DamagedFile, InvalidInput, UnreadableFile, UnsupportedFile
from vae_workbench.weights.dtypes import BITS
from vae_workbench.weights.reader import load_tensors, open_weights
from vae_workbench.weights.torch_file.dtypes import DTYPES
from vae_workbench.weights.writer import Recipe, write_safetensors


def bits(tensor: torch.Tensor) -> bytes:
    """Bytes in the order of the elements, so that NaN equals itself and -0 differs from 0."""
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        (one[name].dtype, one[name].shape, bits(one[name])) == (other[name].dtype, other[name].shape, bits(other[name]))
        for name in one
    )


def random_bits(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    count = torch.Size(shape).numel() * dtype.itemsize
    raw = torch.randint(0, 2 if dtype is torch.bool else 256, (count,), dtype=torch.uint8)
    return raw.view(dtype).view(shape)


LIBRARY = ("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "I16", "F16", "BF16", "I32", "F32", "F64", "I64")
"""Formats that safetensors 0.4.2 can save from torch."""


def test_every_format_equals_the_library(tmp_path: Path) -> None:
    state = {name: random_bits(DTYPES[name], 3, 5) for name in LIBRARY}
    save_file(state, tmp_path / "m")
    assert same(load_tensors(tmp_path / "m"), load_file(tmp_path / "m"))
    assert same(load_tensors(tmp_path / "m"), state)


@pytest.mark.parametrize("dtype", [name for name in BITS if name in DTYPES])
def test_every_format_of_this_torch_round_trips(tmp_path: Path, dtype: str) -> None:
    state = {"w": random_bits(DTYPES[dtype], 2, 6), "empty": random_bits(DTYPES[dtype], 0, 2)}
    write_safetensors(tmp_path / "m", [Recipe.of(name, tensor) for name, tensor in state.items()])
    assert same(load_tensors(tmp_path / "m"), state)


@pytest.mark.parametrize("zipped", [True, False], ids=["torch-zip", "torch-legacy"])
def test_torch_files_give_what_was_saved(tmp_path: Path, zipped: bool) -> None:
    base = torch.randn(60)
    state = {
        "part": base[3:33].view(5, 6),
        "turned": base.view(10, 6).t(),
        "column": base.view(10, 6)[:, 2:3],
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "repeated": torch.randn(1, 1).expand(4, 3),
        "parameter": torch.nn.Parameter(torch.randn(3).bfloat16()),
        "fp8": torch.randn(7).to(torch.float8_e4m3fn),
        "fp8 part": torch.randn(9).to(torch.float8_e5m2)[4:],
        "scalar": torch.tensor(1.5),
        "bool": torch.tensor([True, False]),
        "complex": torch.randn(2, dtype=torch.complex64),
        "empty": torch.empty(2, 0),
        "uint16": torch.tensor([65535, 1], dtype=torch.uint16) if hasattr(torch, "uint16") else torch.ones(2),
    }
    torch.save(state, tmp_path / "m", _use_new_zipfile_serialization=zipped)
    loaded = load_tensors(tmp_path / "m")
    assert same(loaded, state)
    assert loaded["turned"].stride() == (1, 6)
    if zipped:  # torch itself cannot load fp8 from the legacy format that it writes
        assert same(loaded, torch.load(tmp_path / "m", weights_only=True))


def test_an_archive_that_someone_packed_again(tmp_path: Path) -> None:
    base = torch.randn(100_000).mul(3).round()
    state = {"w": base, "late": base[90_000:], "zeros": torch.zeros(1000)}
    torch.save(state, tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as old, zipfile.ZipFile(tmp_path / "n", "w", zipfile.ZIP_DEFLATED) as new:
        new.comment = b"packed again"
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with open_weights(tmp_path / "n") as reader:
        record = reader.inventory.tensors["w"].record
        assert record and record.compressed and record.stored < record.size
    assert same(load_tensors(tmp_path / "n"), state)


def test_an_archive_with_large_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 4 GiB the numbers move to zip64 fields; a lower limit makes zipfile write them into a small archive."""
    torch.save({"w": torch.arange(10.0)}, tmp_path / "m")
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 5)
    with zipfile.ZipFile(tmp_path / "m") as old, zipfile.ZipFile(tmp_path / "n", "w") as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=True) as record:
                record.write(old.read(name))
    assert same(load_tensors(tmp_path / "n"), {"w": torch.arange(10.0)})


def test_only_what_is_asked_for_is_read(tmp_path: Path, ranges_read: list[tuple[int, int]]) -> None:
    save_file({"a": torch.ones(1000), "b": torch.ones(1000), "c": torch.ones(1000)}, tmp_path / "m")
    with open_weights(tmp_path / "m") as reader:
        ranges_read.clear()
        reader.load("b")
        info = reader.inventory.tensors["b"]
    assert ranges_read == [(info.offset, info.offset + info.nbytes)]
    assert list(load_tensors(tmp_path / "m", ["c"])) == ["c"]


def test_results_are_private(tmp_path: Path) -> None:
    save_file({"w": torch.ones(10)}, tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    with open_weights(tmp_path / "m") as reader:
        first = reader.load("w").zero_()
        assert reader.load("w").sum() == 10
    assert (tmp_path / "m").read_bytes() == before
    assert first.sum() == 0


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    state = {str(number): torch.full((5000,), number) for number in range(20)}
    save_file(state, tmp_path / "m")
    with open_weights(tmp_path / "m") as reader, ThreadPoolExecutor(4) as pool:
        assert same(dict(zip(state, pool.map(reader.load, state), strict=True)), state)


def test_unknown_names(tmp_path: Path) -> None:
    save_file({"w": torch.ones(1)}, tmp_path / "m")
    with pytest.raises(InvalidInput, match="m holds no tensor named 'x'"):
        load_tensors(tmp_path / "m", ["x"])


def test_a_format_that_torch_lacks_is_listed_but_not_loaded(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}'
    (tmp_path / "m").write_bytes(len(header).to_bytes(8, "little") + header + bytes(3))
    with open_weights(tmp_path / "m") as reader, pytest.raises(UnsupportedFile, match="F6_E2M3"):
        reader.load("w")


def test_a_file_that_is_cut_while_it_is_open(tmp_path: Path) -> None:
    """With a memory mapping, this kills the process."""
    save_file({"w": torch.ones(100_000)}, tmp_path / "m")
    with open_weights(tmp_path / "m") as reader:
        os.truncate(tmp_path / "m", 1000)
        with pytest.raises(UnreadableFile, match="m changed while it was read"):
            reader.load("w")


def test_a_file_that_is_written_while_it_is_open(tmp_path: Path) -> None:
    save_file({"w": torch.ones(100)}, tmp_path / "m")
    with open_weights(tmp_path / "m") as reader:
        content = (tmp_path / "m").read_bytes()
        (tmp_path / "m").write_bytes(content)
        os.utime(tmp_path / "m", ns=(1, 1))
        with pytest.raises(UnreadableFile, match="changed"):
            reader.load("w")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not remove open files")
def test_a_file_that_vanishes_while_it_is_open(tmp_path: Path) -> None:
    save_file({"w": torch.ones(100)}, tmp_path / "m")
    with open_weights(tmp_path / "m") as reader:
        (tmp_path / "m").unlink()
        assert reader.load("w").sum() == 100


def test_storages_that_are_not_where_they_should_be(tmp_path: Path) -> None:
    for zipped, name in ((True, "zip"), (False, "legacy")):
        path = tmp_path / name
        torch.save({"w": torch.ones(100)}, path, _use_new_zipfile_serialization=zipped)
        with open_weights(path) as reader:
            record = reader.inventory.tensors["w"].record
        assert record is not None
        content = bytearray(path.read_bytes())
        content[record.header] ^= 255
        path.write_bytes(content)
        with open_weights(path) as reader, pytest.raises(DamagedFile, match=name):
            reader.load("w")


def test_a_record_that_cannot_be_unpacked(tmp_path: Path) -> None:
    torch.save({"w": torch.randn(1000).round()}, tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as old, zipfile.ZipFile(tmp_path / "n", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with open_weights(tmp_path / "n") as reader:
        record = reader.inventory.tensors["w"].record
    assert record is not None
    content = bytearray((tmp_path / "n").read_bytes())
    content[record.header + 60 : record.header + 200] = b"\xff" * 140
    (tmp_path / "n").write_bytes(content)
    with open_weights(tmp_path / "n") as reader, pytest.raises(DamagedFile, match="unpack"):
        reader.load("w")


@pytest.mark.parametrize("container", ["safetensors", "torch-zip", "torch-legacy", "deflated"])
def test_samples_are_the_flattened_elements(tmp_path: Path, container: str) -> None:
    state = {"plain": torch.randn(7, 5), "half": torch.randn(4, 4, 3).half(), "scalar": torch.tensor(2.5).bfloat16()}
    if container == "safetensors":
        save_file(state, tmp_path / "m")
    else:
        state |= {
            "turned": torch.randn(6, 7).t(),
            "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
            "part": torch.randn(60)[3:33].view(5, 6),
            "repeated": torch.randn(1, 4).expand(3, 4),
        }
        torch.save(state, tmp_path / "m", _use_new_zipfile_serialization=container != "torch-legacy")
    if container == "deflated":
        with zipfile.ZipFile(tmp_path / "m") as old, zipfile.ZipFile(tmp_path / "n", "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        (tmp_path / "n").replace(tmp_path / "m")
    with open_weights(tmp_path / "m") as reader:
        for name, tensor in state.items():
            flat, last = tensor.float().flatten(), tensor.numel()
            for start, stop in ((0, last), (last // 2, last), (last // 3, last // 3 + 1), (last, last)):
                sample = reader.sample(name, start, stop - start)
                assert sample.dtype == torch.float32 and torch.equal(sample, flat[start:stop]), (name, start, stop)
        for start, count in ((-1, 2), (30, 10), (0, -1)):
            with pytest.raises(InvalidInput, match="'plain' has no"):
                reader.sample("plain", start, count)


def test_a_sample_reads_its_own_bytes_only(tmp_path: Path, ranges_read: list[tuple[int, int]]) -> None:
    save_file({"a": torch.ones(1000), "b": torch.ones(1000)}, tmp_path / "m")
    with open_weights(tmp_path / "m") as reader:
        ranges_read.clear()
        reader.sample("b", 500, 16)
        start = reader.inventory.tensors["b"].offset + 500 * 4
    assert ranges_read == [(start, start + 64)]
