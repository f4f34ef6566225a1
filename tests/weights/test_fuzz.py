"""Whatever the bytes, the answer is an inventory or a sentence, and nothing is executed."""

from __future__ import annotations

import io
import json
import struct
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_workbench.errors import FileProblem
from vae_workbench.weights.inventory import read_inventory
from vae_workbench.weights.reader import load_tensors

fuzz = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

SNAPPED: list[object] = []
"""Arguments of calls of the canary; must stay empty."""


class Canary:
    """A class that notes whatever is done with it."""

    def __init__(self, *arguments: object) -> None:
        SNAPPED.append(arguments)

    def __setstate__(self, state: object) -> None:
        SNAPPED.append(state)

    def __hash__(self) -> int:
        SNAPPED.append("hash")
        return 0


@pytest.fixture(scope="module", autouse=True)
def canary() -> Iterator[None]:
    """A module that any pickle can name, all of whose contents are canaries."""
    module = types.ModuleType("canary")
    module.snap = Canary  # type: ignore[attr-defined]
    sys.modules["canary"] = module
    yield
    del sys.modules["canary"]
    assert SNAPPED == []


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "m"


def survives(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        inventory = read_inventory(file)
        assert all(
            info.offset + info.nbytes <= inventory.size for info in inventory.tensors.values() if not info.record
        )
        load_tensors(file)
    except FileProblem as problem:
        assert str(problem).startswith("m ")
        assert problem.remedy


def saved(zipped: bool) -> bytes:
    base = torch.arange(6.0)
    value = {
        "state_dict": {"a": base, "b": base.view(2, 3).t(), "c": torch.nn.Parameter(base[:2].half())},
        "n": [1, "x"],
    }
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def in_archive(pickled: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/data.pkl", pickled)
        archive.writestr("m/data/0", bytes(4))
    return buffer.getvalue()


def with_header(text: bytes, data: int) -> bytes:
    return struct.pack("<Q", len(text)) + text + bytes(data)


PLAIN = (
    b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},'
    b'"b":{"dtype":"F16","shape":[],"data_offsets":[8,10]}}'
)
SAMPLES = {"safetensors": with_header(PLAIN, 10), "torch-zip": saved(True), "torch-legacy": saved(False)}

changes = st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=4)


@pytest.mark.parametrize("container", SAMPLES)
@fuzz
@given(changes=changes)
def test_real_files_with_bytes_changed(file: Path, container: str, changes: list[tuple[int, bytes, int]]) -> None:
    content = bytearray(SAMPLES[container])
    for place, new, removed in changes:
        place %= len(content) + 1
        content[place : place + removed] = new
    survives(file, bytes(content))


@pytest.mark.parametrize("start", [b"", b"PK\x03\x04", b"\x80\x02", SAMPLES["torch-legacy"][:20]])
@fuzz
@given(rest=st.binary(max_size=300))
def test_any_bytes_behind_a_signature(file: Path, start: bytes, rest: bytes) -> None:
    survives(file, start + rest)


scalars = st.none() | st.booleans() | st.integers(-9, 1 << 65) | st.floats() | st.text(max_size=5)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=3), scalars, max_size=3)
sizes = st.integers(-1, 9) | st.sampled_from([1 << 31, 1 << 63, 1 << 64])
entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "BF16", "F8_E4M3", "F4", "U8", "F33"]) | values,
        "shape": st.lists(sizes, max_size=4) | values,
        "data_offsets": st.lists(sizes, min_size=2, max_size=2) | values,
    },
    optional={"more": values},
)
headers = st.dictionaries(st.sampled_from(["a", "b", "c", "ü", "__metadata__"]), entries | values) | values


@fuzz
@given(header=headers, compact=st.booleans(), data=st.integers(0, 40))
def test_any_json_as_a_header(file: Path, header: object, compact: bool, data: int) -> None:
    survives(file, with_header(json.dumps(header, separators=(",", ":") if compact else None).encode(), data))


pieces = st.lists(
    st.sampled_from(['"', ",", ":", "{", "}", "[", "]", "0", "4", "8", "a", " ", "\\", "\n", "\\u0061", "F32", "ü"])
    | st.sampled_from(
        ['"dtype":"F32"', '"shape":[1]', '"data_offsets":[0,4]', '"a":{', '"__metadata__":{', "},", "}}"]
    ),
    max_size=30,
)


@fuzz
@given(pieces=pieces)
def test_any_text_as_a_header(file: Path, pieces: list[str]) -> None:
    survives(file, with_header(("{" + "".join(pieces)).encode(), 4))


NAMES = [
    b"canary\nsnap\n",
    b"os\nsystem\n",
    b"builtins\neval\n",
    b"collections\nOrderedDict\n",
    b"torch\nFloatStorage\n",
]
NAMES += [b"torch._utils\n_rebuild_" + kind + b"\n" for kind in (b"tensor_v2", b"tensor_v3", b"parameter")]
instructions = st.lists(
    st.sampled_from(
        [bytes([code]) for code in b"(.012NQR)]}absetuloQ\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"]
    )
    | st.sampled_from([b"c" + name for name in NAMES])
    | st.sampled_from([b"i" + name for name in NAMES])
    | st.sampled_from(
        [b"q\0", b"q\1", b"h\0", b"h\1", b"r\xff\xff\xff\xff", b"j\xff\xff\xff\xff", b"K\1", b"J\xff\xff\xff\xff"]
    )
    | st.sampled_from([b"\x8c\x06canary", b"\x8c\x04snap", b"\x8c\x07storage", b"\x8c\x010", b"\x8c\x01w", b"Pid\n"])
    | st.binary(max_size=2),
    max_size=40,
)


@pytest.mark.parametrize("zipped", [True, False])
@fuzz
@given(instructions=instructions)
def test_any_instructions_as_a_pickle(file: Path, zipped: bool, instructions: list[bytes]) -> None:
    pickled = b"\x80\x02" + b"".join(instructions) + b"."
    legacy = SAMPLES["torch-legacy"]
    main = legacy.index(b"\x80\x02", legacy.index(b"little_endian"))
    survives(file, in_archive(pickled) if zipped else legacy[:main] + pickled + b"\x80\x02]\x8c\x010a.")
