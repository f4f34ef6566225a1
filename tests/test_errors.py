"""The sentences that people read."""

from __future__ import annotations

import pytest

from vae_workbench.errors import DamagedFile, InvalidInput, sentence_of


def test_text_from_files_is_escaped_in_every_sentence() -> None:
    error = DamagedFile("/n\udce9.pt", "n\udce9\x1b[0m is damaged", "Remove \u202e")
    assert str(error) == r"n\xe9\x1b[0m is damaged. Remove \u202e."
    assert error.path == "/n\udce9.pt", "the path stays what the system needs"
    assert error.what == r"n\xe9\x1b[0m is damaged"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InvalidInput("It is so", "Do that"), "It is so. Do that."),
        (PermissionError(13, "Permission denied", b"/a\xe9"), r"/a\xe9 cannot be used: Permission denied. Check"),
        (OSError(28, "No space left on device"), "The system refused: No space left on device. Check"),
        (MemoryError(), "There is not enough memory for this."),
        (ValueError("a\nb" + "c" * 5000), r"(ValueError: a\x0ab"),
    ],
)
def test_sentence_of(error: Exception, told: str) -> None:
    assert told in sentence_of(error)
    assert sentence_of(error).isprintable() and len(sentence_of(error)) < 500


def test_a_missing_package_is_named_with_how_to_install_it() -> None:
    """Without torch, every command said that something went wrong that should not have."""
    told = sentence_of(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert told == "The Python package torch is missing. Install it with: python -m pip install torch."
    assert "pip install pillow" in sentence_of(ModuleNotFoundError("No module named 'PIL.Image'", name="PIL.Image"))
    ours = ModuleNotFoundError("No module named 'vae_workbench.x'", name="vae_workbench.x")
    assert "should not have" in sentence_of(ours)
