"""Files made to crash, hang, deceive or take over whoever opens them. Each one is refused with a sentence."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vae_workbench.errors import DamagedFile, FileProblem, UnreadableFile, UnsupportedFile
from vae_workbench.weights import source
from vae_workbench.weights.inventory import read_inventory
from vae_workbench.weights.reader import load_tensors

Case = tuple[Callable[[], bytes], type[FileProblem], str]
"""Content, the error that it must give, and a part of its message."""

CANARY = "executed"
"""A file of this name appears in the working directory if anything from a file is ever executed."""


class Attack:
    """Writes the canary when a careless reader unpickles it."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


TOUCH = f"open({CANARY!r}, 'w')"
ATTACKS = {
    "os.system": Attack(os.system, f"echo > {CANARY}"),
    "builtins.eval": Attack(eval, TOUCH),
    "builtins.exec": Attack(exec, TOUCH),
    "builtins.open": Attack(open, CANARY, "w"),
    "subprocess": Attack(subprocess.check_call, ["touch", CANARY]),
    "torch.load": Attack(torch.load, CANARY),
}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def safetensors(header: object, data: int = 0, length: int | None = None) -> Callable[[], bytes]:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lambda: struct.pack("<Q", len(text) if length is None else length) + text + bytes(data)


def entry(dtype: object = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def saved(value: object, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def archive(pickled: bytes, packed: int = zipfile.ZIP_STORED, **records: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as new:
        new.writestr("m/data.pkl", pickled)
        for name, content in records.items():
            new.writestr(f"m/{name}", content)
    return buffer.getvalue()


def program(body: bytes) -> Callable[[], bytes]:
    """An archive whose pickle is these instructions."""
    return lambda: archive(b"\x80\x02" + body + b".")


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def tensor(
    shape: bytes = b"K\x01\x85", strides: bytes = b"K\x01\x85", first: bytes = b"K\x00", size: bytes = b"K\x01"
) -> bytes:
    """Instructions that rebuild a float32 tensor from the storage ``0``."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + size + b"tQ"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + first + shape + strides + b"\x89}tR"


def state(built: bytes, storage: bytes = bytes(4)) -> Callable[[], bytes]:
    pickled = b"\x80\x02}" + text("w") + built + b"s."
    return lambda: archive(pickled, **{"data/0": storage})


def number(value: int) -> bytes:
    raw = value.to_bytes(20, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def bomb() -> bytes:
    """A pickle of a gigabyte that takes a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return zeros * 1024 + packer.flush()


def zip_bomb() -> bytes:
    packed, name = bomb(), b"m/data.pkl"
    sizes = struct.pack("<3I", 0, len(packed), 1 << 30)
    local = b"PK\x03\x04" + struct.pack("<5H", 20, 0, 8, 0, 0) + sizes + struct.pack("<2H", len(name), 0) + name
    central = b"PK\x01\x02" + struct.pack("<6H", 20, 20, 0, 8, 0, 0) + sizes
    central += struct.pack("<5H2I", len(name), 0, 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + end


def lying_bomb(size: int) -> Callable[[], bytes]:
    """The same, but the archive claims that it unpacks to ``size`` bytes."""
    return lambda: zip_bomb().replace(struct.pack("<I", 1 << 30), struct.pack("<I", size))


def many_records() -> bytes:
    """An archive of 80,000 records of no bytes."""
    fields = struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0)
    central = b"".join(b"PK\x01\x02" + fields + b"%05d" % number for number in range(80_000))
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 1, 1, len(central), 30, 0)
    return b"PK\x03\x04" + bytes(26) + central + end


def changed(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


PAIR = {"a": entry(), "b": entry(offsets=(4, 8))}

HEADERS: dict[str, Case] = {
    "empty": (lambda: b"", DamagedFile, "it is empty"),
    "one byte": (lambda: b"\x01", UnsupportedFile, "neither a safetensors nor a torch file"),
    "length alone": (lambda: struct.pack("<Q", 100), UnsupportedFile, "neither"),
    "length zero": (safetensors(b"{}", length=0), DamagedFile, "does not begin with a brace"),
    "length one": (safetensors(b"{}", length=1), DamagedFile, "is not JSON"),
    "length beyond the file": (safetensors(b"{}", length=11), DamagedFile, "cut off in its header"),
    "length of 2⁶³": (safetensors(b"{}", length=1 << 63), DamagedFile, "cut off in its header"),
    "length of −1": (safetensors(b"{}", length=(1 << 64) - 1), DamagedFile, "cut off in its header"),
    "header of 9 MiB": (safetensors(b"{" + b" " * (9 << 20)), DamagedFile, "is not JSON"),
    "header of lists": (safetensors(b'{"a":[' + b"[]," * (1 << 21) + b"1]}"), UnsupportedFile, "larger than"),
    "header of objects": (safetensors(b'{"a":[' + b"{}," * (1 << 21) + b"1]}"), UnsupportedFile, "larger than"),
    "header of wide texts": (safetensors('{"a":"😀'.encode() + b"x" * (7 << 20)), DamagedFile, "not JSON"),
    "header of wide metadata": (
        safetensors('{"__metadata__":{"a":"😀'.encode() + b"x" * (7 << 20) + b'"},"b":1}'),
        DamagedFile,
        "not a JSON object",
    ),
    "header of 99 MB": (
        safetensors(b'{"__metadata__":{"a":"' + b"x" * 99_000_000 + b'"},"b":1}'),
        DamagedFile,
        "not a JSON object",
    ),
    "header of short texts": (safetensors(b'{"a":[' + b'"abcdefgh",' * (1 << 20)), UnsupportedFile, "larger than"),
    "header of quotes": (safetensors(b'{"' + b'"' * (7 << 20)), UnsupportedFile, "larger than"),
    "deep lists": (safetensors(b'{"a":' + b"[" * 100_000), DamagedFile, "nested too deeply"),
    "deep objects": (safetensors(b'{"a":' * 100_000), DamagedFile, "nested too deeply"),
    "deep metadata": (safetensors(b'{"__metadata__":' + b"[" * 100_000), DamagedFile, "nested too deeply"),
    "deep shape": (
        safetensors(b'{"w":{"dtype":"F32","shape":[' + b"[" * 100_000 + b'],"data_offsets":[0,4]}}', 4),
        DamagedFile,
        "nested too deeply",
    ),
    "not UTF-8": (safetensors(b'{"\xff\xfe":1}'), DamagedFile, "not UTF-8"),
    "half a surrogate": (
        safetensors(rb'{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
        DamagedFile,
        "not UTF-8",
    ),
    "not JSON": (safetensors(b"{'a': 1}"), DamagedFile, "is not JSON"),
    "text after the JSON": (safetensors(b"{}{}"), DamagedFile, "is not JSON"),
    "NaN": (safetensors(b'{"a":NaN}'), DamagedFile, "NaN"),
    "Infinity": (
        safetensors(b'{"w":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}', 4),
        DamagedFile,
        "Infinity",
    ),
    "number of 5000 digits": (safetensors(b'{"a":' + b"9" * 5000 + b"}"), DamagedFile, "too large"),
    "control character in a name": (
        safetensors(b'{"a\nb":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
        DamagedFile,
        "JSON",
    ),
    "name twice": (
        safetensors(json.dumps(PAIR).replace('"b"', '"a"').encode(), 8),
        DamagedFile,
        "holds a name twice",
    ),
    "name twice, plain": (
        safetensors(json.dumps(PAIR, separators=(",", ":")).replace('"b"', '"a"').encode(), 8),
        DamagedFile,
        "holds a name twice",
    ),
    "name twice, once escaped": (
        safetensors(json.dumps(PAIR).replace('"b"', '"\\u0061"').encode(), 8),
        DamagedFile,
        "holds a name twice",
    ),
    "format twice": (
        safetensors(b'{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', 4),
        DamagedFile,
        "holds a name twice",
    ),
    "metadata twice": (safetensors(b'{"__metadata__":{},"__metadata__":{}}'), DamagedFile, "holds a name twice"),
    "metadata of numbers": (safetensors({"__metadata__": {"a": 1}}), DamagedFile, "something other than text"),
    "metadata as a tensor": (safetensors({"a": entry(), "__metadata__": entry()}, 4), DamagedFile, "other than text"),
    "metadata as a list": (safetensors({"__metadata__": []}), DamagedFile, "not a JSON object"),
    "tensor as a number": (safetensors({"a": 1}), DamagedFile, "'a' is not a JSON object"),
    "tensor without offsets": (safetensors({"a": {"dtype": "F32", "shape": []}}), DamagedFile, "'data_offsets'"),
    "unknown format": (safetensors({"a": entry("F33")}, 4), DamagedFile, "'F33' is unknown"),
    "format as a list": (safetensors({"a": entry(["F32"])}, 4), DamagedFile, "wrong kind"),
    "shape as a text": (safetensors({"a": entry(shape="1")}, 4), DamagedFile, "not a short list"),
    "negative size": (safetensors({"a": entry(shape=(-1,))}, 4), DamagedFile, "other than sizes"),
    "two negative sizes": (safetensors({"a": entry(shape=(-1, -1))}, 4), DamagedFile, "other than sizes"),
    "broken size": (safetensors({"a": entry(shape=(1.0,))}, 4), DamagedFile, "other than sizes"),
    "boolean size": (safetensors({"a": entry(shape=(True,))}, 4), DamagedFile, "other than sizes"),
    "shape beyond 2⁶³": (
        safetensors({"a": entry(shape=(0, 1 << 40, 1 << 40), offsets=(0, 0))}),
        DamagedFile,
        "more elements",
    ),
    "shape that wraps to 0": (
        safetensors({"a": entry(shape=(1 << 32, 1 << 32), offsets=(0, 0))}),
        DamagedFile,
        "more elements",
    ),
    "1000 dimensions": (safetensors({"a": entry(shape=[1] * 1000)}, 4), DamagedFile, "not a short list"),
    "half a byte": (safetensors({"a": entry("F4", (3,), (0, 1))}, 1), DamagedFile, "do not fill whole bytes"),
    "three offsets": (
        safetensors({"a": entry(offsets=(0, 4, 8))}, 8),
        DamagedFile,
        "no valid format, shape and offsets",
    ),
    "negative offset": (safetensors({"a": entry(offsets=(-4, 0))}, 4), DamagedFile, "wrong kind"),
    "offsets backwards": (safetensors({"a": entry(offsets=(4, 0))}, 4), DamagedFile, "wrong kind"),
    "offsets of another size": (safetensors({"a": entry(offsets=(0, 8))}, 8), DamagedFile, "takes 4 bytes, but 8"),
    "offsets that overlap": (safetensors({"a": entry(), "b": entry()}, 4), DamagedFile, "overlaps"),
    "offsets with a gap": (safetensors({"a": entry(), "b": entry(offsets=(8, 12))}, 12), DamagedFile, "gap"),
    "offsets beyond the file": (safetensors({"a": entry()}, 3), DamagedFile, "cut off"),
    "offsets of 2⁶⁴": (safetensors({"a": entry(offsets=(1 << 64, (1 << 64) + 4))}, 4), DamagedFile, "gap"),
    "bytes behind the tensors": (safetensors({"a": entry()}, 5), DamagedFile, "1 bytes at its end belong to no tensor"),
}

FOREIGN: dict[str, Case] = {
    "web page": (lambda: b"<!DOCTYPE html><html>", UnsupportedFile, "is a web page"),
    "git-lfs note": (lambda: b"version https://git-lfs.github.com/spec/v1\n", UnsupportedFile, "git-lfs"),
    "GGUF": (lambda: b"GGUF" + bytes(100), UnsupportedFile, "GGUF"),
    "torch of 2016": (lambda: (b"storages" + bytes(249) + b"ustar").ljust(1024, b"\0"), UnsupportedFile, "tar archive"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), UnsupportedFile, "is a picture (PNG)"),
    "zip of something else": (
        lambda: archive(b"").replace(b"data.pkl", b"data.txt"),
        UnsupportedFile,
        "not one written by",
    ),
    "TorchScript": (lambda: archive(b"N.", **{"constants.pkl": b"N."}), UnsupportedFile, "TorchScript"),
    "big-endian": (lambda: archive(b"}.", byteorder=b"big"), UnsupportedFile, "big-endian"),
    "big-endian, legacy": (
        lambda: changed(saved({}, False), b"little_endianq\x02\x88", b"little_endianq\x02\x89"),
        UnsupportedFile,
        "big-endian",
    ),
    "pickle of something else": (lambda: pickle.dumps([1, 2, 3]), UnsupportedFile, "not one written by torch.save"),
    "whole module": (lambda: saved(torch.nn.Linear(1, 1)), UnsupportedFile, "program object"),
    "whole module, legacy": (lambda: saved(torch.nn.Linear(1, 1), False), UnsupportedFile, "program object"),
    "a list of this and that": (lambda: saved([torch.ones(1), 2]), UnsupportedFile, "program object"),
}

ZIPS: dict[str, Case] = {
    "zip bomb": (zip_bomb, UnsupportedFile, "zip bomb"),
    "zip bomb that lies": (lying_bomb(10 << 20), UnsupportedFile, "far more beside its tensors"),
    "zip bomb that lies more": (lying_bomb(1 << 20), DamagedFile, "instruction 0 is unknown"),
    "encrypted": (
        lambda: changed(archive(b"N."), b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0"),
        UnsupportedFile,
        "encrypted",
    ),
    "bzip2": (lambda: archive(b"N.", zipfile.ZIP_BZIP2), UnsupportedFile, "unusual method"),
    "signature alone": (lambda: b"PK\x03\x04", DamagedFile, "cut off"),
    "no directory": (lambda: archive(b"}.").replace(b"PK\x05\x06", b"PK\0\0"), DamagedFile, "cut off"),
    "damaged directory": (
        lambda: archive(b"}.").replace(b"PK\x01\x02", b"PK\0\0"),
        DamagedFile,
        "holds something else",
    ),
    "damaged record": (lambda: archive(b"}.")[:26] + b"\xff\xff" + archive(b"}.")[28:], DamagedFile, "is not where"),
    "directory beyond the file": (
        lambda: archive(b"}.")[:-6] + struct.pack("<IH", 0x7FFFFFFF, 0),
        DamagedFile,
        "not where it says",
    ),
    "large directory without its record": (
        lambda: archive(b"}.")[:-6] + struct.pack("<IH", 0xFFFFFFFF, 0),
        DamagedFile,
        "not where it says",
    ),
    "record twice": (lambda: archive(b"}.", aaa=b"1", bbb=b"2").replace(b"bbb", b"aaa"), DamagedFile, "'m/aaa' twice"),
    "storage missing": (lambda: archive(b"\x80\x02}" + text("w") + tensor() + b"s."), DamagedFile, "'0' is missing"),
    "storage too short": (state(tensor(), bytes(3)), DamagedFile, "of the wrong size"),
    "storage too long": (state(tensor(), bytes(5)), DamagedFile, "of the wrong size"),
    "storage on a path outside": (
        state(tensor().replace(text("0"), text("../../../../etc/passwd"))),
        DamagedFile,
        "'../../../../etc/passwd' is missing",
    ),
    "records on paths outside": (
        lambda: archive(b"}.", **{"../../evil": b"1"}).replace(b"m/data.pkl", b"/../../pkl"),
        UnsupportedFile,
        "not one written by",
    ),
}

PICKLES: dict[str, Case] = {
    "no instruction": (lambda: archive(b""), DamagedFile, "cut off or was altered"),
    "no end": (lambda: archive(b"\x80\x02}"), DamagedFile, "cut off or was altered"),
    "end of nothing": (program(b""), DamagedFile, "cut off or was altered"),
    "unknown instruction": (program(b"\xff"), DamagedFile, "instruction 255 is unknown"),
    "memo that is missing": (program(b"h\x05"), DamagedFile, "cut off or was altered"),
    "mark that is missing": (program(b"N(0t"), DamagedFile, "cut off or was altered"),
    "call of nothing": (program(b")R"), DamagedFile, "cut off or was altered"),
    "text of 4 GiB": (program(b"X\xff\xff\xff\xffabc"), DamagedFile, "cut off or was altered"),
    "text of 2⁶³ bytes": (program(b"\x8d" + b"\xff" * 8), DamagedFile, "cut off or was altered"),
    "bytes of 2⁶³ bytes": (program(b"\x8e" + b"\xff" * 7 + b"\x7f"), DamagedFile, "cut off or was altered"),
    "negative text": (program(b"T\xff\xff\xff\xff"), DamagedFile, "cut off or was altered"),
    "text that is not UTF-8": (program(b"X\x01\0\0\0\xff"), DamagedFile, "cut off or was altered"),
    "number of 5000 digits": (program(b"I" + b"9" * 5000 + b"\n"), DamagedFile, "a line has no end"),
    "number of 300 digits": (program(b"L" + b"9" * 300 + b"L\n"), DamagedFile, "too many digits"),
    "number of a megabyte": (
        program(b"\x8b" + struct.pack("<i", 1 << 20) + b"\xff" * (1 << 20)),
        UnsupportedFile,
        "program object",
    ),
    "line without an end": (program(b"c" + b"a" * 5000), DamagedFile, "a line has no end"),
    "memo of 2³² places": (program(b"Nr\xff\xff\xff\xff"), UnsupportedFile, "program object"),
    "list that holds itself": (program(b"]q\0h\0a"), UnsupportedFile, "program object"),
    "recursive class": (program(b"cos\nsystem\nq\0h\0\x85Rq\1h\1b"), UnsupportedFile, "program object"),
    "reference to no storage": (program(text("storage") + b"Q"), DamagedFile, "no storage"),
    "storage of a dangerous class": (
        lambda: changed(state(tensor())(), b"ctorch\nFloatStorage", b"ccpython\nosStorages"),
        UnsupportedFile,
        "osStorages",
    ),
    "storage of negative size": (state(tensor(size=b"J\xff\xff\xff\xff")), DamagedFile, "size of a storage"),
    "storage of 2¹⁰⁰ elements": (state(tensor(size=number(1 << 100))), DamagedFile, "wrong size"),
    "view outside of its storage": (
        lambda: archive(
            b"\x80\x02}" + text("w") + tensor().replace(b"tQ", text("v") + b"K\x05K\x01\x87tQ") + b"s.",
            **{"data/0": bytes(4)},
        ),
        DamagedFile,
        "view of a storage",
    ),
    "tensor beyond its storage": (state(tensor(shape=b"K\x02\x85")), DamagedFile, "beyond its storage"),
    "offset beyond the storage": (state(tensor(first=b"K\x01")), DamagedFile, "beyond its storage"),
    "negative offset": (state(tensor(first=b"J\xff\xff\xff\xff")), DamagedFile, "offset of a tensor"),
    "offset of a text": (state(tensor(first=text("0"))), DamagedFile, "offset of a tensor"),
    "negative size": (state(tensor(shape=b"J\xff\xff\xff\xff\x85")), DamagedFile, "other than sizes"),
    "negative stride": (state(tensor(strides=b"J\xff\xff\xff\xff\x85")), DamagedFile, "other than sizes"),
    "stride of 2¹⁰⁰": (state(tensor(b"K\x02\x85", number(1 << 100) + b"\x85")), DamagedFile, "other than sizes"),
    "shape beyond 2⁶³": (
        state(tensor(number(1 << 40) + number(1 << 40) + b"\x86", b"K\0K\0\x86")),
        DamagedFile,
        "more elements",
    ),
    "shape of a text": (state(tensor(shape=text("1"))), DamagedFile, "not a short list"),
    "shape of texts": (state(tensor(shape=text("1") + b"\x85")), DamagedFile, "other than sizes"),
    "repeated beyond measure": (
        state(tensor(number(1 << 31) + number(1 << 31) + b"\x86", b"K\0K\0\x86")),
        DamagedFile,
        "beyond measure",
    ),
    "strides of another length": (state(tensor(strides=b")")), DamagedFile, "more strides than sizes"),
    "unknown format": (
        state(tensor().replace(b"_v2", b"_v3").replace(b"\x89}t", b"\x89}cos\nsystem\nt")),
        UnsupportedFile,
        "os.system",
    ),
}

BOMBS: dict[str, Case] = {
    "8 MiB of dicts": (program(b"}" * (8 << 20)), UnsupportedFile, "far more"),
    "dicts": (program(b"}" * 5_000_000), UnsupportedFile, "far more"),
    "remembered dicts": (program(b"}\x94" * 1_000_000), DamagedFile, "remembers more values"),
    "marks": (program(b"(" * 5_000_000), UnsupportedFile, "far more"),
    "nested tuples": (program(b")" + b"\x85" * 5_000_000), UnsupportedFile, "far more"),
    "nested tuple as a key": (program(b"})" + b"\x85" * 500_000 + b"Ns0N"), UnsupportedFile, "program object"),
    "doubled tuples as a key": (program(b"})" + b"2\x86" * 200_000 + b"Ns0N"), UnsupportedFile, "program object"),
    "memo numbers far apart": (
        program(b"N" + b"".join(b"r" + struct.pack("<I", n * 9999) for n in range(400_000))),
        DamagedFile,
        "remembers",
    ),
    "long names": (
        program(text("m" * 1000) + b"q\0" + b"h\0h\0\x93" * 190_000),
        UnsupportedFile,
        "program object",
    ),
    "wide texts": (program(text("😀" + "x" * 1000) * 7_500), UnsupportedFile, "program object"),
    "many storages": (
        program(b"".join(tensor().replace(text("0"), text(str(n))) for n in range(32_000))),
        UnsupportedFile,
        "far more",
    ),
    "many records": (many_records, UnsupportedFile, "not one written by torch.save"),
    "legacy without an end": (
        lambda: changed(saved({}, False), b"}q\x00.", b"}" * (12 << 20)),
        UnsupportedFile,
        "far more",
    ),
}

CASES = HEADERS | FOREIGN | ZIPS | {f"pickle: {name}": case for name, case in PICKLES.items()}


@pytest.mark.parametrize("name", CASES)
def test_hostile_file(tmp_path: Path, name: str) -> None:
    content, error, message = CASES[name]
    path = tmp_path / "some model.safetensors"
    path.write_bytes(content())
    with pytest.raises(error) as caught:
        read_inventory(path)
    told = str(caught.value)
    assert told.startswith("some model.safetensors ")
    assert message in told
    assert len(told) < 400
    assert caught.value.remedy
    assert caught.value.path == str(path)


MEASURE = r"""
import re, sys
from pathlib import Path
from vae_workbench.errors import FileProblem
from vae_workbench.weights.inventory import read_inventory

def kilobytes(what):
    return int(re.search(what + r":\s*(\d+)", Path("/proc/self/status").read_text())[1])

before = kilobytes("VmRSS")
for path in sys.argv[1:]:
    try:
        read_inventory(path)
    except FileProblem as problem:
        print(type(problem).__name__, problem)
print((kilobytes("VmHWM") - before) / 1000)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of memory in this way")
def test_no_bomb_takes_more_than_100_mb(tmp_path: Path) -> None:
    """All of them in one process of their own, which counts the memory."""
    bombs = BOMBS | {name: case for name, case in (HEADERS | ZIPS).items() if "bomb" in name or "header of" in name}
    paths = [tmp_path / str(number) for number in range(len(bombs))]
    for path, (content, _, _) in zip(paths, bombs.values(), strict=True):
        path.write_bytes(content())
    *told, grown = subprocess.check_output([sys.executable, "-c", MEASURE, *paths], text=True).splitlines()
    for line, path, (_, error, message) in zip(told, paths, bombs.values(), strict=True):
        assert line.startswith(f"{error.__name__} {path.name} ")
        assert message in line
    assert float(grown) < 100


SAMPLE = {"first": torch.ones(2, 3), "second": torch.ones(4).half()}
SAMPLES = {
    "safetensors": safetensors({"a": entry(), "b": entry("F16", (2, 1), (4, 8))}, 8),
    "torch-zip": lambda: saved(SAMPLE),
    "torch-legacy": lambda: saved(SAMPLE, zipped=False),
}


@pytest.mark.parametrize("container", SAMPLES)
def test_cut_off_at_every_byte(tmp_path: Path, container: str) -> None:
    content = SAMPLES[container]()
    path = tmp_path / "m"
    path.write_bytes(content)
    assert read_inventory(path).container == container
    for length in reversed(range(len(content))):
        os.truncate(path, length)
        with pytest.raises(FileProblem, match=r"^m "):
            read_inventory(path)


@pytest.mark.parametrize("zipped", [True, False], ids=["torch-zip", "torch-legacy"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str, zipped: bool) -> None:
    """A trap beside the weights is passed over: the tensors are read, and the trap does not snap."""
    monkeypatch.chdir(tmp_path)
    trap = ATTACKS[attack]
    value = {"state_dict": {"w": torch.ones(2), "trap": trap}, "more": [trap, {"key": trap}], "trap": trap}
    for protocol in range(2, 6):
        torch.save(value, "m.ckpt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        assert load_tensors("m.ckpt")["w"].tolist() == [1, 1]
    assert names_in(tmp_path) == {"m.ckpt"}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_executed_from_bare_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(ATTACKS[attack], protocol)
    for content in (pickled, archive(pickled), b"\x80\x02" + pickled):
        Path("m.pt").write_bytes(content)
        with pytest.raises(UnsupportedFile):
            read_inventory("m.pt")
    assert names_in(tmp_path) == {"m.pt"}


def test_the_traps_do_snap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two tests above would prove nothing if the traps were harmless."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(ATTACKS["os.system"]))
    assert names_in(tmp_path) == {CANARY}


def irregular(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "m"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to nowhere":
        path.symlink_to("nowhere")
    elif kind == "link to itself":
        path.symlink_to("m")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "unreadable":
        path.touch(mode=0)
    elif kind == "impossible name":
        return tmp_path / "m\0m"
    return path


IRREGULAR = {
    "folder": "is a folder",
    "pipe": "is a pipe, socket or device",
    "device": "is a pipe, socket or device",
    "link to nowhere": "does not exist",
    "link to itself": "cannot be read",
    "impossible name": "cannot be read",
    "missing": "does not exist",
    "unreadable": "cannot be read",
}
POSIX_ONLY = {"pipe", "device", "link to nowhere", "link to itself", "unreadable"}


@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_no_readable_file(tmp_path: Path, kind: str) -> None:
    if os.name == "nt" and kind in POSIX_ONLY:
        pytest.skip("Windows has no such files, or only for administrators")
    if kind == "unreadable" and os.geteuid() == 0:
        pytest.skip("the administrator may read everything")
    with pytest.raises(UnreadableFile, match=IRREGULAR[kind]):
        read_inventory(irregular(tmp_path, kind))


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("m")
        with pytest.raises(UnreadableFile, match="is a pipe, socket or device"):
            read_inventory("m")


def test_a_file_that_vanishes_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(path: str) -> io.FileIO:
        Path(path).unlink()
        return io.FileIO(path)

    (tmp_path / "m").write_bytes(b"content")
    monkeypatch.setattr(source, "_open", vanish)
    with pytest.raises(UnreadableFile, match="m does not exist"):
        read_inventory(tmp_path / "m")


def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.FileIO):
        def readinto(self, _: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "m").write_bytes(b"content")
    monkeypatch.setattr(source, "_open", Failing)
    with pytest.raises(UnreadableFile, match="m cannot be read: Input/output error"):
        read_inventory(tmp_path / "m")
