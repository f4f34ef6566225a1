"""Translations: all of them of the same sentences, and of ones that the pages really show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "localizations").glob("*.json"))
SOURCES = [*(ROOT / "vae_workbench").rglob("*.py"), *(ROOT / "javascript").glob("*.js")]


def translations(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_all_languages_have_the_same_sentences() -> None:
    assert len(FILES) >= 2
    assert len({frozenset(translations(path)) for path in FILES}) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_what_is_shown_is_translated(path: Path) -> None:
    """A sentence that was changed in the sources would silently stay English."""
    shown = "\n".join(source.read_text(encoding="utf-8") for source in SOURCES)
    shown = re.sub(r'"\s*\n\s*f?"', "", shown)  # sentences over two lines
    assert [english for english in translations(path) if english not in shown] == []
