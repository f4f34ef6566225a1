"""Files that people mistake for models are told as what they are, and models never as something else."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save, save_file

from vae_workbench.errors import DamagedFile, FileProblem, UnsupportedFile
from vae_workbench.weights.foreign import MAGICS
from vae_workbench.weights.inventory import read_inventory

MODEL = save({"w": torch.ones(2)})


def picture(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, form)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, MODEL)
    return buffer.getvalue()


def tarred(mode: str, form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo("vae/alpha.safetensors")
        info.pax_headers = {"comment": "only this format has them"}
        info.size = len(MODEL)
        archive.addfile(info, io.BytesIO(MODEL))
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


LOGIN = "Log in where you download it"
FILES: dict[str, tuple[bytes, str]] = {
    # what web servers answer
    "page": (b"<!DOCTYPE html><html><title>\n Sign in </title></html>", f"is a web page, not a model: “Sign in”. {LOGIN}"),
    "page behind a BOM": (b"\xef\xbb\xbf\r\n\r\n<!DOCTYPE html><html><title>Hi</title>", "is a web page, not a model: “Hi”"),
    "page without a title": (b"<html><script>var x='y'</script><body><p>Just a&nbsp;moment</p>", "“Just a&nbsp;moment”"),
    "page in Latin-1": ("<html><body>Zugriff gewährt: später".encode("latin-1"), "“Zugriff gewährt: später”"),
    "page in UTF-16": ("\ufeff<html><title>Anmelden</title>".encode("utf-16-le"), "is a web page, not a model: “Anmelden”"),
    "page, packed": (gzip.compress(b"<html><title>Hello</title>"), "packed with gzip; what is in it is a web page"),
    "XML": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is XML, not a model: “AccessDenied”"),
    "answer of S3": (b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", LOGIN),
    "address of S3 that is too old": (b"<Error><Message>Request has expired</Message></Error>", "Download it again from its"),
    "JSON": (b'{"error":"Unauthorized","message":"Log in"}', 'the answer of a web server, not a model: “{"error":"Unauth'),
    "JSON with a brace where safetensors has one": (b'{"err": {"code":404}}', "is the answer of a web server"),
    "JSON behind a BOM": (b'\xef\xbb\xbf{"a":{"error":"gone"}}', "is the answer of a web server"),
    "configuration": (b'{\n  "_class_name": "AutoencoderKL"\n}', "is a JSON file, not a model"),
    "words": (b"Entry not found", "is a text, not a model: “Entry not found”. Look for the model's present address"),
    "words of a server that denies": (b"Access Denied", f"“Access Denied”. {LOGIN}"),
    "words on a password": (b"Invalid username or password.", LOGIN),
    "words and a number": (b"404: Not Found", "“404: Not Found”. Look for the model's present address"),
    "busy": (b"429 Too Many Requests\n", "Wait a while"),
    "words behind blank lines": (b"\r\n\r\n  Access to this model is gated", f"“Access to this model is gated”. {LOGIN}"),
    "words with escapes": (b"Hi \x1b[31mred\x1b[0m", r"“Hi \x1b[31mred\x1b[0m”"),
    "long words": (b"word" * 1000, "word…”"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is only a git-lfs note about a model"),
    # archives
    "ZIP": (zipped("read me.txt", "vae/alpha.safetensors"), "in it are vae/alpha.safetensors and 1 more. Unpack it"),
    "ZIP of one": (zipped("alpha.ckpt"), "in it is alpha.ckpt. Unpack it"),
    "ZIP of a text": (zipped("a\u202e.txt"), r"in it is a\u202e.txt. Choose a model file"),
    "ZIP of nothing": (zipped(), "is an empty ZIP archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(99), "is a 7z archive. Unpack it"),
    "RAR": (b"Rar!\x1a\x07\x01\0" + bytes(99), "is a RAR archive"),
    "tar": (tarred("w"), "is a tar archive that begins with vae/alpha.safetensors. Unpack it"),
    "tar with a note before its files": (tarred("w", tarfile.PAX_FORMAT), "is a tar archive. Unpack it"),
    "tar.gz": (tarred("w:gz"), "packed with gzip; what is in it is a tar archive that begins with vae/alpha"),
    "tar.bz2": (tarred("w:bz2"), "packed with bzip2"),
    "tar.xz": (tarred("w:xz"), "packed with xz"),
    "gzip": (gzip.compress(MODEL), "is packed with gzip; in it is a safetensors file. Unpack it"),
    "gzip of what is unknown": (gzip.compress(b"\1\2\3\4\5\6\7\x0e\x0f\xff"), "is packed with gzip. Unpack it"),
    "gzip, cut": (gzip.compress(MODEL)[:12], "is packed with gzip"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(99), "packed with zstd"),
    # other formats of models
    "GGUF": (b"GGUF\3\0\0\0" + bytes(99), "is a GGUF model. Choose the safetensors file of the same model"),
    "ONNX": (b"\x08\x07\x12\x07pytorch\x1a\x051.13.1", "is an ONNX model"),
    "TensorFlow": (b"\x08\x01\x12\xf0\x01" + bytes(99), "is a TensorFlow model"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3" + bytes(99), "is a TensorFlow Lite model"),
    "TensorFlow checkpoint": (bytes([0, 1]) * 50 + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "index of a TensorFlow checkpoint"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
    "NumPy": (array(), "is a NumPy array"),
    # everything else
    **{f"picture, {form}": (picture(form), f"is a picture ({form})") for form in ("PNG", "JPEG", "GIF", "WebP", "BMP", "TIFF")},
    "film": (b"\0\0\0\x18ftypmp42" + bytes(99), "is a film (MP4)"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "is a PDF document"),
    "program": (b"MZ" + bytes(200), "is a program"),
    "note of macOS": (b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(99), "is a note that macOS made beside a file"),
    "torrent": (b"d8:announce35:http://x", "is a torrent"),
    "zeros": (bytes(5000), "it begins with zeros"),
    "anything": (b"\1\2\3\4\5\6\7\x0e\x0f\xff", "is neither a safetensors nor a torch file"),
    "a text that is no pickle": (b"cat\ndog\nbird\n", "is a text, not a model: “cat dog bird”"),
    "a text with the name of a module in it": (b"Of all studios\nsystem\n", "is a text, not a model: “Of all studios system”"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_something_else(tmp_path: Path, kind: str) -> None:
    content, told = FILES[kind]
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(DamagedFile if kind == "zeros" else UnsupportedFile) as caught:
        read_inventory(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith("m.safetensors is ") and caught.value.remedy
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


def test_no_magic_hides_another() -> None:
    """The first that matches decides, so an early one could match files of a later kind."""
    for kind, (content, told) in FILES.items():
        first = next(
            (magic for magic in MAGICS if magic.offset >= 0 and magic.start.match(content, magic.offset)), None
        )
        assert first is None or first.what.partition(",")[0].removeprefix("is ") in told or "packed" in told, kind


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 40, 300, 2000])
def test_no_model_is_taken_for_something_else(tmp_path: Path, count: int) -> None:
    """Headers of many lengths begin with many bytes: "BM", "d1:" or "MZ" among them."""
    path = tmp_path / "m.safetensors"
    save_file({f"{'w' * (number % 17)}{number}": torch.ones(1) for number in range(count)}, path, {"a": "x" * count})
    assert len(read_inventory(path).tensors) == count


@pytest.mark.parametrize(
    "start", [b"BM", b"MZ", b"II*\0", b"\x1f\x8b", b"\x08\x07\x12", b"8BPS", b"<", b"\x80\x02", b"ID3"]
)
def test_a_header_whose_length_looks_like_a_signature(tmp_path: Path, start: bytes) -> None:
    length = int.from_bytes(start, "little")
    header = json.dumps({"w": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode()
    path = tmp_path / "m.safetensors"
    if length > 4 << 20 or length < len(header):
        length |= 1 << 12
    if length > 4 << 20:
        pytest.skip("no header is as long as that")
    path.write_bytes(length.to_bytes(8, "little") + header.ljust(length))
    assert list(read_inventory(path).tensors) == ["w"]


@pytest.mark.parametrize("ending", ["sft", "SAFETENSORS", "gguf", "bin"])
def test_the_content_decides_whatever_the_file_is_called(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"m.{ending}"
    path.write_bytes(MODEL)
    assert read_inventory(path).container == "safetensors"


def test_a_file_with_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        read_inventory(tmp_path / "n\udce9\x1b.pt")
    assert caught.value.path.endswith("n\udce9\x1b.pt")
    assert str(caught.value).startswith(r"n\xe9\x1b.pt does not exist")
