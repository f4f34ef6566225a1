"""Text from files and file names, as it can be shown anywhere: in a terminal, on a page, in a log, in UTF-8."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
"""Unicode categories without a picture of their own: control characters (line breaks and ANSI escapes among them), marks of
direction, lone surrogates, and line separators."""


def printable(text: str) -> str:
    """The same text with every character that hides, moves or cannot be encoded written as an escape.

    A byte of a file name that is not UTF-8 (which Python holds as a lone surrogate, see PEP 383) becomes ``\\xe9``, an ANSI
    escape ``\\x1b``, a right-to-left mark ``\\u200f``. Other text is returned as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that os.fsdecode could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
