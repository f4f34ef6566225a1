"""Sentences in a person's language: the English one is the key, and the tables are those of the web UI's localization.

Everything is said in English first; only what shows it to a person translates. A key with places, ``{1} has no {2}``, is a
template. In its translation ``{1}`` stands for the same text and ``{1*}`` for that text translated, if it is known; names of
files are ``{1}``. ``javascript/vae_workbench_words.js`` does the same on the pages.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Mapping

from .beside import BESIDE

TABLES = BESIDE / "localizations"
LANGUAGES = {"ja": "ja_JP", "ru": "ru_RU"}
"""Language → its table."""

VARIABLES = ("VAEWB_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables that tell the language, the first that is set before the others."""

LONGEST = 1000
"""Characters of a text that is looked at; nothing that is said is longer."""


def language() -> str:
    """``ja``, ``ru`` or ``en``, by the environment; the locale need not be installed."""
    told = next(filter(None, map(os.environ.get, VARIABLES)), "")
    return told[:2].lower() if told[:2].lower() in LANGUAGES else "en"


def in_language(text: str) -> str:
    """The text in the language of the environment, as far as it is known; the rest of it stays English."""
    words = _words(language())
    return text if words is None else words.translated(text) or text


class Words:
    """A table of sentences, and what it makes of a text."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        found = ((key, told) for key, told in table.items() if re.search(r"\{\d+\}", key))
        self._templates = [(*_compiled(key), told) for key, told in sorted(found, key=lambda pair: -_weight(pair[0]))]
        self._stop, self._gap = ("。", "") if any(t.endswith("。") for t in table.values()) else (".", " ")

    def translated(self, text: str) -> str | None:
        """A sentence, or several, in this language; ``None`` if none of it is known."""
        if text in self._table:
            return self._table[text]
        if len(text) > LONGEST:
            return None
        for found in re.finditer(r"\. (?=[A-Z“\"])", text):
            head, tail = self.translated(text[: found.start() + 1]), text[found.end() :]
            if head is not None:
                return head + self._gap + (self.translated(tail) or tail)
        whole = self.translated(text[:-1]) if text.endswith(".") else None
        return self._filled(text) if whole is None else whole + self._stop

    def _filled(self, text: str) -> str | None:
        for pattern, order, literals, told in self._templates:
            found = pattern.fullmatch(text) if all(literal in text for literal in literals) else None
            if found:
                values = dict(zip(order, found.groups(), strict=True))

                def value(place: re.Match[str], values: dict[str, str] = values) -> str:
                    given = values[place[1]]
                    return (self.translated(given) or given) if place[2] else given

                return re.sub(r"\{(\d+)(\*?)\}", value, told)
        return None


def _compiled(key: str) -> tuple[re.Pattern[str], list[str], list[str]]:
    parts = re.split(r"\{\d+\}", key)
    pattern = re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL)
    return pattern, re.findall(r"\{(\d+)\}", key), list(filter(None, parts))


def _weight(key: str) -> int:
    return len(re.sub(r"\{\d+\}", "", key))


@functools.cache
def _words(code: str) -> Words | None:
    if code not in LANGUAGES:
        return None
    try:
        return Words(json.loads((TABLES / f"{LANGUAGES[code]}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):  # English is better than nothing
        return None
