"""Translations: all of them of the same sentences, and of ones that the pages really show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vae_workbench.edit.colour_presets import PRESETS
from vae_workbench.ui.greeting import SENTENCES, WAYS
from vae_workbench.ui.workshop.files import OFFERS
from vae_workbench.ui.workshop.forms import FORMS

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
    exact = (
        english for english in translations(path) if not re.search(r"\{\d+\}", english)
    )  # templates: test_words.py
    assert [english for english in exact if english not in shown] == []


SAID = re.compile(r"""\bsay\((?:[^()"]|\([^()]*\))*?"((?:[^"\\]|\\.)+)\"""")
NAMED = re.compile(r"""\b(?:title|help): "((?:[^"\\]|\\.)+)\"""")
LISTED = re.compile(r"const (?:MEASURES|KEYS) = \[\n(.*?)\n    \];", re.DOTALL)
WORD = re.compile(r"[a-z]{3}")
"""What has none needs no translation: keys, and names of what is measured."""

NAMES = {"diffusers", "fp16-safe", "HighGamma", "HighContrast"}
"""Are called so in every language."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_the_viewer_and_the_pages_say_is_translated(path: Path) -> None:
    """Half of the viewer stayed English: nothing told that a new sentence had no translation."""
    parts = (
        "viewer*",
        "comparisons",
        "picker",
        "sources",
        "prompts",
        "pictures",
        "tone",
        "workshop*",
        "line",
        "active",
        "files",
        "table*",
    )
    own = ROOT / "javascript" / "vae_workbench.js"
    scripts = [
        own,
        *(file for part in parts for file in sorted((ROOT / "javascript").glob(f"vae_workbench_{part}.js"))),
    ]
    said: set[str] = set()
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        listed = re.findall(r'"([^"\n]+)"', "\n".join(LISTED.findall(text)))
        said |= {*SAID.findall(text), *NAMED.findall(text), *(one for one in listed if " " in one)}
    said = {sentence for sentence in said if WORD.search(sentence)}
    assert len(said) > 150
    assert sorted(said - translations(path).keys()) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_steps_of_the_workshop_are_translated(path: Path) -> None:
    said = {*OFFERS.values(), *PRESETS}
    for form in FORMS.values():
        said |= {form.title, form.info}
        for field in form.fields:
            said |= {field.label, field.info, *(text for _, text in field.choices)}
    english = {sentence for sentence in said if WORD.search(sentence) and "=" not in sentence and sentence not in NAMES}
    assert sorted(english - translations(path).keys()) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_newcomer_reads_is_translated(path: Path) -> None:
    said = {*SENTENCES, *(text for text, _ in WAYS)}
    panel = (ROOT / "vae_workbench/webui/showing/line_panel.py").read_text(encoding="utf-8")
    said |= {*re.findall(r">([A-Z][^<>{}\n]+)<", panel), *re.findall(r'_order\("([^"]+)"', panel)}
    assert len(said) > 10 and sorted(said - translations(path).keys()) == []
