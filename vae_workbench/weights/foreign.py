"""Files that people mistake for models: what they are, by their first bytes, and what to do about it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import FileProblem
from ..printable import printable
from .pickle import PickleMachine
from .pickled_code import KNOWN_MODULES, code_among, naming_code
from .source import Source

HEAD = 4 << 10
"""Bytes that are looked at, of the file and of what is packed in it."""

TAR_NOTES = ("././@PaxHeader", "pax_global_header", "././@LongLink")
"""Names of what tar puts before the first file."""

MOST_WORDS = 80
"""Characters of a text that are told."""

CONVERT = "Save it as safetensors in the program it came from"
UNPACK = "Unpack it, and choose the model that comes out"
OTHER_FORMAT = "Choose the safetensors file of the same model"
AGAIN = "Download it again from its download link"
NO_MODEL = "Choose a model file"


class Foreign(NamedTuple):
    """What a file is instead of a model: a phrase that follows its name, and what to do."""

    what: str
    remedy: str


class Magic(NamedTuple):
    """A kind of file, and the bytes by which it is known.

    Attributes:
        offset: where the bytes are; below zero, counted from the end of the file.
        start: the bytes, as a regular expression.
        what, remedy: see :class:`Foreign`.
    """

    offset: int
    start: re.Pattern[bytes]
    what: str
    remedy: str


def _magic(offset: int, start: bytes, what: str, remedy: str) -> Magic:
    return Magic(offset, re.compile(start, re.DOTALL), what, remedy)


MAGICS = (
    # other formats of models
    _magic(0, rb"GGUF|GGML|lmgg|fmgg|tjgg|algg", "is a GGUF model", OTHER_FORMAT),
    _magic(0, rb"\x08\x01\x12", "is a TensorFlow model", OTHER_FORMAT),
    _magic(4, rb"TFL3", "is a TensorFlow Lite model", OTHER_FORMAT),
    _magic(-8, rb"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "is the index of a TensorFlow checkpoint", OTHER_FORMAT),
    _magic(0, rb"\x08[\x02-\x20][\x12\x1a\x3a\x42]", "is an ONNX model", OTHER_FORMAT),
    _magic(0, rb"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes them", OTHER_FORMAT),
    _magic(0, rb"\x93NUMPY", "is a NumPy array", CONVERT),
    _magic(0, rb"[pf]trt", "is a TensorRT engine", OTHER_FORMAT),
    # archives; old tar files of torch have entries of these names
    _magic(0, rb"(?:sys_info|pickle|tensors|storages)\0.{240,}", "is a tar archive, as torch wrote before 2017", CONVERT),
    _magic(257, rb"ustar", "is a tar archive", UNPACK),
    _magic(0, rb"7z\xbc\xaf\x27\x1c", "is a 7z archive", UNPACK),
    _magic(0, rb"Rar!\x1a\x07", "is a RAR archive", UNPACK),
    _magic(0, rb"\x1f\x8b", "is packed with gzip", UNPACK),
    _magic(0, rb"BZh[1-9]1AY&SY", "is packed with bzip2", UNPACK),
    _magic(0, rb"\xfd7zXZ\0", "is packed with xz", UNPACK),
    _magic(0, rb"\x28\xb5\x2f\xfd", "is packed with zstd", UNPACK),
    _magic(0, rb"\x04\x22\x4d\x18", "is packed with lz4", UNPACK),
    _magic(0, rb"PK\x05\x06", "is an empty ZIP archive", AGAIN),
    _magic(0, rb"PK\x07\x08", "is one part of a divided ZIP archive", UNPACK),
    # pictures, films, sounds, documents
    _magic(0, rb"\x89PNG\r\n\x1a\n", "is a picture (PNG)", NO_MODEL),
    _magic(0, rb"\xff\xd8\xff", "is a picture (JPEG)", NO_MODEL),
    _magic(0, rb"GIF8[79]a", "is a picture (GIF)", NO_MODEL),
    _magic(0, rb"RIFF.{4}WEBP", "is a picture (WebP)", NO_MODEL),
    _magic(0, rb"BM.{4}\0\0\0\0", "is a picture (BMP)", NO_MODEL),
    _magic(0, rb"II\*\0|MM\0\*", "is a picture (TIFF)", NO_MODEL),
    _magic(0, rb"8BPS\0\x01", "is a picture (Photoshop)", NO_MODEL),
    _magic(4, rb"ftyp(?:avi[fs]|hei[cfx]|mif1|msf1)", "is a picture (AVIF or HEIC)", NO_MODEL),
    _magic(4, rb"ftyp", "is a film (MP4)", NO_MODEL),
    _magic(0, rb"\x1aE\xdf\xa3", "is a film (WebM)", NO_MODEL),
    _magic(0, rb"RIFF|OggS|ID3|fLaC", "is a sound or a film", NO_MODEL),
    _magic(0, rb"%PDF-", "is a PDF document", NO_MODEL),
    # programs and other things
    _magic(0, rb"SQLite format 3\0", "is an SQLite database", NO_MODEL),
    _magic(0, rb"MZ.{58,}|\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe", "is a program", "Delete it, unless you know what it does"),
    _magic(0, rb"\0\x05\x16[\0\x07]\0\x02\0\0", "is a note that macOS made beside a file", "Choose the one without ._"),
    _magic(0, rb"L\0\0\0\x01\x14\x02\0", "is a Windows shortcut", "Choose the file that it leads to"),
    _magic(0, rb"\[InternetShortcut\]", "is a shortcut to a web page", "Download the model from that page"),
    _magic(0, rb"d\d+:(?:announce|info|created|comment)", "is a torrent, not the model itself", "Download the model with it"),
    _magic(0, rb"version https://(?:git-lfs|hawser)", "is only a git-lfs note about a model", "Download the model itself"),
)  # fmt: skip
"""The first that matches counts. Sources: each format's own description, and https://github.com/file/file/tree/master/magic."""

ANSWERS = (
    (re.compile(r"expired"), AGAIN),
    (
        re.compile(
            r"\b40[13]\b|unauthori[sz]ed|forbidden|access ?denied|invalid (?:user|password|token|credential)|logged in|"
            r"log ?in|sign ?in|access token|gated|restricted"
        ),
        "Log in where you download it, or give your downloader an access token, and download it again",
    ),
    (re.compile(r"\b(?:404|410)\b|not found|no such|does not exist|deleted"), "Look for the model's present address"),
    (re.compile(r"\b429\b|too many|rate limit|quota"), "Wait a while, then download it again"),
    (re.compile(r"\b50[0234]\b|unavailable|bad gateway|time-?out|internal server"), AGAIN),
)
"""Words of web servers, in lower case, and what to do about them."""

_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1>|$)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>?")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PICKLE_0 = re.compile(rb"[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
"""How a pickle of the text protocols names what it calls."""

MOST_PICKLES = 6
"""Pickles that are followed one after the other: old files of torch have five."""


def foreign_file(source: Source) -> FileProblem:
    """The error for a file that is no container of tensors."""
    head = source.read(0, min(HEAD, source.size))
    if not head:
        return source.damaged("it is empty")
    if not any(head):
        return source.damaged("it begins with zeros, as a download that never came")
    pickled = _pickle_in_text(source, head)
    if pickled:
        return pickled
    tail = source.read(max(0, source.size - 8), min(8, source.size))
    return source.unsupported(*_described(head, tail))


def looks_like_text(head: bytes) -> bool:
    """Whether the first eight bytes, which in safetensors are a number below 100 million, are those of a text."""
    start = head[:8].removeprefix(b"\xef\xbb\xbf")
    return len(start) >= 5 and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start)


def zip_of(names: Iterable[str]) -> Foreign:
    """What a ZIP archive of these names is, if torch did not write it."""
    files = [name for name in names if not name.endswith("/")]
    models = [name for name in files if name.lower().endswith((".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"))]
    if not files:
        return Foreign("is an empty ZIP archive", AGAIN)
    first = _short((models or files)[0])
    inside = f"are {first} and {len(files) - 1} more" if len(files) > 1 else f"is {first}"
    what = f"is a ZIP archive, but not one written by torch.save; in it {inside}"
    return Foreign(what, UNPACK if models else NO_MODEL)


def _described(head: bytes, tail: bytes = b"") -> Foreign:
    for magic in MAGICS:
        if magic.start.match(tail if magic.offset < 0 else head, max(magic.offset, 0)):
            return _with_content(magic, head)
    text = _text(head)
    if text is None:
        return Foreign("is neither a safetensors nor a torch file", "Choose a model file, or download it again")
    return _described_text(text)


def _with_content(magic: Magic, head: bytes) -> Foreign:
    if magic.what == "is a tar archive":
        name = head[:100].rstrip(b"\0").decode(errors="surrogateescape")
        first = "" if name in TAR_NOTES else f" that begins with {_short(name)}"
        return Foreign(f"{magic.what}{first}", magic.remedy)
    if head.startswith(b"\x1f\x8b"):
        inner = _unpacked(head)
        if inner[8:9] == b"{" and not looks_like_text(inner):
            return Foreign(f"{magic.what}; in it is a safetensors file", UNPACK)
        found = _described(inner) if inner else Foreign("", UNPACK)
        if found.what and "neither" not in found.what:
            return Foreign(f"{magic.what}; what is in it {found.what}", found.remedy)
    return Foreign(magic.what, magic.remedy)


def _unpacked(head: bytes) -> bytes:
    """The beginning of what gzip packed, or nothing."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD)
    except zlib.error:
        return b""


def _text(head: bytes) -> str | None:
    """The beginning of a text without blanks before it, ``None`` if it is none."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError as error:
        # At the end, a character may be cut off; old web pages are in other encodings.
        cut = error.start > len(head) - 4 and len(head) == HEAD
        text = head.decode(encoding, "ignore") if cut else head.decode("latin-1")
        if not cut and not text.lstrip().startswith("<"):
            return None
    text = text.lstrip("\ufeff").strip()
    return text if text and not _CONTROL.search(text) else None


def _described_text(text: str) -> Foreign:
    if text.startswith("<"):
        title = _TITLE.search(text)
        words = title[1] if title and title[1].strip() else _TAG.sub(" ", _SCRIPT.sub(" ", text))
        page = re.search(r"<(?:!doctype html|html|head|body|title)\b", text[:1000], re.IGNORECASE)
        return Foreign(f"is {'a web page' if page else 'XML'}, not a model{_quoted(words)}", _what_to_do(words, AGAIN))
    if text.startswith(("{", "[")):
        answer = re.search(r'"(?:error|errors|message|detail|status|code)"', text)
        kind = "the answer of a web server" if answer else "a JSON file"
        return Foreign(f"is {kind}, not a model{_quoted(text)}", _what_to_do(text, AGAIN if answer else NO_MODEL))
    return Foreign(
        f"is a text, not a model{_quoted(text)}", _what_to_do(text[:200], "Choose a model file, or download it again")
    )


def _what_to_do(words: str, otherwise: str) -> str:
    return next((remedy for pattern, remedy in ANSWERS if pattern.search(words.lower())), otherwise)


def _quoted(words: str) -> str:
    short = _short(" ".join(words.split()))
    return f": “{short}”" if short else ""


def _short(words: str) -> str:
    shown = printable(words[:MOST_WORDS])
    return shown[:MOST_WORDS] + "…" * (len(words) > MOST_WORDS or len(shown) > MOST_WORDS)


def _pickle_in_text(source: Source, head: bytes) -> FileProblem | None:
    """The error for a pickle of the protocols 0 and 1, which have no signature, if it names code."""
    if not _PICKLE_0.search(head):
        return None
    pickles = PickleMachine(source)
    try:
        with naming_code(pickles):
            for _ in range(MOST_PICKLES):
                pickles.run()
                if pickles.names or pickles.position >= source.size:
                    break
            raise source.unsupported("is a Python pickle, but not one written by torch.save", CONVERT)
    except FileProblem as problem:
        known = any(name.partition(".")[0] in KNOWN_MODULES for name in code_among(pickles.names))
        return problem if known or (pickles.names and "written by" in problem.what) else None
