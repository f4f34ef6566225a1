"""What a newcomer is told, once."""

from __future__ import annotations

from pathlib import Path

from vae_workbench.ui.greeting import FILE, SENTENCES, WAYS, _dismiss, _html, greeting_in


def test_three_sentences_and_three_ways_to_begin(tmp_path: Path) -> None:
    told = _html(greeting_in(tmp_path))
    assert len(SENTENCES) == len(WAYS) == 3
    assert all(sentence in told for sentence in SENTENCES) and all(text in told for text, _ in WAYS)


def test_it_is_said_once(tmp_path: Path) -> None:
    assert _dismiss(greeting_in(tmp_path)) == ""
    assert _html(greeting_in(tmp_path)) == "", "also after a new start"


def test_what_cannot_be_remembered_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    stored = greeting_in(tmp_path / "file")
    assert "vaewb-greeting" in _html(stored)
    assert _dismiss(stored) == "", "for this page it is gone"


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"version": 99}')
    assert "vaewb-greeting" in _html(greeting_in(tmp_path)) and _dismiss(greeting_in(tmp_path)) == ""
    assert (tmp_path / FILE).read_text() == '{"version": 99}'
