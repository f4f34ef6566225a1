from __future__ import annotations

import collections
import json
import os
import struct
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vae_workbench.errors import UnsupportedFile
from vae_workbench.weights import safetensors_header
from vae_workbench.weights.inventory import Inventory, read_inventory

fuzz = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

State = dict[str, torch.Tensor]


@pytest.fixture
def state() -> State:
    """A few tensors with the names, formats and shapes of a checkpoint in small."""
    return {
        "first_stage_model.decoder.conv_in.weight": torch.randn(8, 4, 3, 3),
        "first_stage_model.decoder.conv_in.bias": torch.randn(8).half(),
        "model.diffusion_model.out.2.weight": torch.randn(4, 8).bfloat16(),
        "model_ema.num_updates": torch.tensor(7, dtype=torch.int32),
        "empty": torch.empty(0, 3),
    }


SHAPES = {
    "first_stage_model.decoder.conv_in.weight": ("F32", (8, 4, 3, 3)),
    "first_stage_model.decoder.conv_in.bias": ("F16", (8,)),
    "model.diffusion_model.out.2.weight": ("BF16", (4, 8)),
    "model_ema.num_updates": ("I32", ()),
    "empty": ("F32", (0, 3)),
}


def forms(inventory: Inventory) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (info.dtype, info.shape) for name, info in inventory.tensors.items()}


def test_safetensors_tells_what_the_library_tells(tmp_path: Path, state: State) -> None:
    path = tmp_path / "model.safetensors"
    save_file(state, path, {"format": "pt", "title": 'ein "schöner" Name 🎨'})
    inventory = read_inventory(path)
    with safe_open(path, "pt") as peer:
        assert set(inventory.tensors) == set(peer.keys())
        assert inventory.metadata == peer.metadata()
    assert forms(inventory) == SHAPES
    assert (inventory.container, inventory.wrapper) == ("safetensors", "")
    assert (inventory.size, inventory.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


@pytest.mark.parametrize("zipped", [True, False], ids=["torch-zip", "torch-legacy"])
@pytest.mark.parametrize("wrapper", ["", "state_dict", "params_ema"])
def test_torch_files(tmp_path: Path, state: State, zipped: bool, wrapper: str) -> None:
    path = tmp_path / "model.ckpt"
    saved = {wrapper: state, "epoch": 3, "note": "x"} if wrapper else collections.OrderedDict(state)
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    inventory = read_inventory(path)
    assert forms(inventory) == SHAPES
    assert inventory.container == ("torch-zip" if zipped else "torch-legacy")
    assert inventory.wrapper == wrapper
    assert inventory.metadata == ({"epoch": "3", "note": "x"} if wrapper else {})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_every_protocol_of_pickle_that_torch_writes(tmp_path: Path, state: State, zipped: bool, protocol: int) -> None:
    torch.save(state, tmp_path / "m.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    assert forms(read_inventory(tmp_path / "m.pt")) == SHAPES


def test_only_the_state_dict_is_listed(tmp_path: Path, state: State) -> None:
    """A training checkpoint carries as many tensors again in its optimizer."""
    moments = {0: {"step": torch.tensor(1.0), "exp_avg": torch.ones(2, 2), "exp_avg_sq": torch.ones(2, 2)}}
    optimizer = {"state": moments, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "params": [0]}]}
    saved = {"state_dict": state, "optimizer_states": [optimizer], "extra": {"x": torch.ones(1)}}
    torch.save(saved, tmp_path / "m.ckpt")
    assert forms(read_inventory(tmp_path / "m.ckpt")) == SHAPES


def test_modules_and_parameters(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.GroupNorm(2, 4))
    torch.save(model.state_dict() | {"p": torch.nn.Parameter(torch.ones(2))}, tmp_path / "m.pt")
    assert list(read_inventory(tmp_path / "m.pt").tensors) == ["0.weight", "0.bias", "1.weight", "1.bias", "p"]


@pytest.mark.parametrize("zipped", [True, False])
def test_unknown_classes_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    """Old checkpoints carry the callbacks of pytorch_lightning, which is not installed, and numpy scalars."""
    module = types.ModuleType("pytorch_lightning_of_old")

    class ModelCheckpoint(dict):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.best = torch.ones(3)

    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = module.__name__, "ModelCheckpoint"
    module.ModelCheckpoint = ModelCheckpoint  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    callback = ModelCheckpoint()
    callback["monitor"] = {1, 2, 3}
    saved = {
        "callbacks": {ModelCheckpoint: callback},
        "loss": torch.ones(2).numpy()[0],
        "state_dict": {"w": torch.ones(2, 3)},
        "hyper": [frozenset({1}), b"bytes", bytearray(b"more"), 2**70, 1.5, None, print, complex(1, 2)],
    }
    torch.save(saved, tmp_path / "m.ckpt", _use_new_zipfile_serialization=zipped)
    monkeypatch.delitem(sys.modules, module.__name__)
    inventory = read_inventory(tmp_path / "m.ckpt")
    assert forms(inventory) == {"w": ("F32", (2, 3))}


def test_places_of_views(tmp_path: Path) -> None:
    base = torch.arange(24.0)
    views = {
        "all": base,
        "part": base[6:12].view(2, 3),
        "turned": base.view(4, 6).t(),
        "repeated": base[2:3].expand(5, 1),
        "column": base.view(4, 6)[:, 1:2],
    }
    torch.save(views, tmp_path / "m.pt")
    found = read_inventory(tmp_path / "m.pt").tensors
    assert {name: (info.offset, info.nbytes, info.strides) for name, info in found.items()} == {
        "all": (0, 96, None),
        "part": (24, 24, None),
        "turned": (0, 96, (1, 6)),
        "repeated": (8, 4, (0, 1)),
        "column": (4, 76, (6, 1)),
    }
    assert len({info.record for info in found.values()}) == 1


def header_file(path: Path, text: bytes, data: int) -> Path:
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))
    return path


def test_headers_in_any_style_of_json_tell_the_same(tmp_path: Path, state: State) -> None:
    """Headers as the library writes them take a shorter way through the code than all others."""
    save_file(state, tmp_path / "plain", {"format": "pt"})
    raw = (tmp_path / "plain").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + length]), len(raw) - 8 - length
    want = read_inventory(tmp_path / "plain")
    escaped = json.dumps(header).replace("model_ema", "model\\u005fema")
    backwards = json.dumps({name: dict(reversed(entry.items())) for name, entry in reversed(header.items())})
    for text in (json.dumps(header, indent=1), escaped, backwards):
        padded = text.encode().ljust(-(-len(text) // length) * length)
        found = read_inventory(header_file(tmp_path / "other", padded, data))
        moved = {name: info._replace(offset=info.offset - len(padded)) for name, info in found.tensors.items()}
        assert moved == {name: info._replace(offset=info.offset - length) for name, info in want.tensors.items()}
        assert found.metadata == want.metadata


def test_a_file_of_metadata_only(tmp_path: Path) -> None:
    inventory = read_inventory(header_file(tmp_path / "m", b'{"__metadata__":{"a":"b"}}', 0))
    assert (inventory.metadata, inventory.tensors) == ({"a": "b"}, {})


@pytest.mark.parametrize("blanks", ["", " "], ids=["plain", "any JSON"])
def test_metadata_of_null_is_none(tmp_path: Path, blanks: str) -> None:
    """Some programs write it, safetensors opens it, and such files were called damaged."""
    text = f'{{"__metadata__":{blanks}null,"w":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}'
    path = header_file(tmp_path / "m.safetensors", text.encode(), 4)
    with safe_open(path, "pt") as peer:
        assert peer.metadata() is None
    inventory = read_inventory(path)
    assert (inventory.metadata, list(inventory.tensors)) == ({}, ["w"])


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
LARGE = {
    "a picture": "A" * 9_000_000,
    "a workflow": json.dumps({"nodes": [{"text": 'said "no"\\'}] * 150_000}),
    "wide characters": "題😀" * 1_000_000,
}


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_metadata_of_megabytes(tmp_path: Path, kind: str, ascii_only: bool) -> None:
    """Workflows and thumbnails: read as far as safetensors reads them, but not kept."""
    header = {"__metadata__": {"big": LARGE[kind], "title": "T"}, "w": ENTRY}
    path = header_file(tmp_path / "m.safetensors", json.dumps(header, ensure_ascii=ascii_only).encode(), 4)
    inventory = read_inventory(path)
    with safe_open(path, "pt") as peer:
        assert list(peer.keys()) == list(inventory.tensors) == ["w"]
    assert inventory.metadata["title"] == "T"
    assert inventory.metadata["big"].endswith(" MB of text)")
    assert inventory.tensors["w"].offset == path.stat().st_size - 4


def test_the_largest_header_is_that_of_safetensors(tmp_path: Path) -> None:
    text = b'{"__metadata__":{}}'
    path = header_file(tmp_path / "m.safetensors", text.ljust(100_000_000), 0)
    assert not read_inventory(path).tensors
    path = header_file(tmp_path / "m.safetensors", text.ljust(100_000_001), 0)
    with pytest.raises(UnsupportedFile, match="larger than that of any known model"):
        read_inventory(path)
    with pytest.raises(SafetensorError), safe_open(path, "pt"):
        pass


@fuzz
@given(text=st.text(st.sampled_from('a"\\ü😀\n {},:'), max_size=80), block=st.integers(1, 40), ascii_only=st.booleans())
def test_short_texts_of_large_headers_are_kept_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, text: str, block: int, ascii_only: bool
) -> None:
    """Wherever a block of the file ends: inside of an escape, of a character, of a text."""
    header = json.dumps({"__metadata__": {"a": text, f"b{text}": "b"}}, ensure_ascii=ascii_only, indent=block % 3)
    path = header_file(tmp_path_factory.getbasetemp() / "short", header.encode(), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(safetensors_header, "SMALL_HEADER", 0)
        patch.setattr(safetensors_header, "BLOCK", block)
        assert read_inventory(path).metadata == {"a": text, f"b{text}": "b"}


def test_content_decides_not_the_name(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "lies.safetensors")
    save_file(state, tmp_path / "lies.ckpt")
    assert read_inventory(tmp_path / "lies.safetensors").container == "torch-zip"
    assert read_inventory(tmp_path / "lies.ckpt").container == "safetensors"


def test_no_weight_is_read_from_safetensors(tmp_path: Path, ranges_read: list[tuple[int, int]]) -> None:
    save_file({"w": torch.ones(1000, 1000)}, tmp_path / "m")
    weights = read_inventory(tmp_path / "m").tensors["w"].offset
    assert max(end for _, end in ranges_read) == weights


def test_no_weight_is_read_from_a_zip(tmp_path: Path, ranges_read: list[tuple[int, int]]) -> None:
    torch.save({"w": torch.ones(1000, 1000)}, tmp_path / "m")
    record = read_inventory(tmp_path / "m").tensors["w"].record
    assert record is not None
    assert all(end <= record.header or begin >= record.header + record.stored for begin, end in ranges_read)


def test_hardly_a_weight_is_read_from_a_legacy_file(tmp_path: Path, ranges_read: list[tuple[int, int]]) -> None:
    """The length of its pickles is not written anywhere: they are read in small blocks until they end."""
    torch.save({"w": torch.ones(1000, 1000)}, tmp_path / "m", _use_new_zipfile_serialization=False)
    record = read_inventory(tmp_path / "m").tensors["w"].record
    assert record is not None
    assert max(end for _, end in ranges_read) <= record.header + 6 * 1024


def test_holes_of_a_huge_file_stay_holes(tmp_path: Path) -> None:
    size = 6 << 30
    text = json.dumps({"w": {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}}).encode()
    path = header_file(tmp_path / "m", text, 0)
    os.truncate(path, 8 + len(text) + size)
    assert read_inventory(path).tensors["w"].numel == size // 2


def test_torch_is_not_needed() -> None:
    code = "import sys, vae_workbench.weights.inventory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
