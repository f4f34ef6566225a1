"""Text that fits, of which nothing is cut."""

from __future__ import annotations

import pytest

from vae_workbench.compare.views.lettering import font_for, wrapped

NAMES = [
    "vae-ft-mse-840000-ema-pruned.safetensors",
    "a name with spaces",
    "w" * 90,
    "二番目の名前がとても長いので折り返す",
    "mixed 名前_of-a.file",
]


@pytest.mark.parametrize("room", [20, 60, 200])
@pytest.mark.parametrize("text", NAMES)
def test_every_letter_is_on_a_line_and_every_line_fits(text: str, room: int) -> None:
    font = font_for(text, 14)
    lines = wrapped(text, font, room)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(font.getlength(line) <= room or len(line) == 1 for line in lines)


def test_names_break_where_their_words_end() -> None:
    font = font_for("x", 14)
    assert wrapped("one-two three", font, font.getlength("one-two")) == ["one-two", "three"]
    assert wrapped("vae-ft-mse", font, font.getlength("vae-ft-")) == ["vae-ft-", "mse"]


def test_lines_of_their_own_stay_so_and_empty_text_has_none() -> None:
    font = font_for("x", 14)
    assert wrapped("a\nb", font, 500) == ["a", "b"] and wrapped("", font, 10) == [] == wrapped(" \n ", font, 10)
