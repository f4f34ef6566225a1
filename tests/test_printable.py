"""Text that is shown anywhere."""

from __future__ import annotations

import os

import pytest

from vae_workbench.printable import printable


@pytest.mark.parametrize("text", ["vae.safetensors", "ベイク済み VAE.pt", "запечённый", "été – “x” 🎨", ""])
def test_what_can_be_shown_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (os.fsdecode(b"latin-\xe9.pt"), "latin-\\xe9.pt"),
        ("\x1b[31mred\x1b[0m\nline", "\\x1b[31mred\\x1b[0m\\x0aline"),
        ("gpj\u202etxt", "gpj\\u202etxt"),
        ("a\u2028b\ud800", "a\\u2028b\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_cannot_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    printable(text).encode("utf-8")
