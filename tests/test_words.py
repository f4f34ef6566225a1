"""Sentences of the core in the languages of people: what the tables know, what they lack, and what is made of a text."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vae_workbench.words import LANGUAGES, TABLES, Words

ROOT = Path(__file__).resolve().parents[1]
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "vae_workbench").rglob("*.py"))]
UNTRANSLATED = ROOT / "tests" / "untranslated.txt"
"""Sentences of errors that no table has yet, one a line. It may only become shorter."""

PLACE = re.compile(r"\{(\d+)\*?\}")
TEMPLATE = re.compile(r"\{\d+\}")


def table(code: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((TABLES / f"{LANGUAGES[code]}.json").read_text(encoding="utf-8"))
    return found


def template(node: ast.AST) -> str | None:
    """A constant, or an f-string with {1}, {2}, … for its values; without the closing full stop."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rstrip(".")
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
        places = iter(range(1, len(parts) + 1))
        return "".join(f"{{{next(places)}}}" if part is None else str(part) for part in parts).rstrip(".")
    return None


def family() -> set[str]:
    """WorkbenchError and all that are of its kind."""
    classes = [node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)} for node in classes}
    found = {"WorkbenchError"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def said_by_errors() -> set[str]:
    names, found = family(), set()
    for call in (node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if getattr(call.func, "id", getattr(call.func, "attr", None)) in names:
            ends = [
                end for one in call.args for end in ([one.body, one.orelse] if isinstance(one, ast.IfExp) else [one])
            ]
            found |= {said for said in map(template, ends) if said and re.search(r"[a-z]{3}", TEMPLATE.sub("", said))}
    return {said for said in found if " " in said}


def test_every_sentence_of_an_error_is_translated_or_listed_as_missing() -> None:
    missing = said_by_errors() - {key.rstrip(".") for key in table("ja")}
    assert sorted(missing) == UNTRANSLATED.read_text(encoding="utf-8").splitlines()


def test_every_template_is_said_somewhere() -> None:
    said = {template(node) for tree in TREES for node in ast.walk(tree)}
    assert [key for key in table("ja") if TEMPLATE.search(key) and key.rstrip(".") not in said] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_translations_have_the_places_of_their_templates(code: str) -> None:
    def places(text: str) -> set[str]:
        return set(PLACE.findall(text))

    assert [key for key, told in table(code).items() if places(key) != places(told)] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_places_that_touch_are_in_no_template(code: str) -> None:
    """Nothing tells where one value ends and the next begins."""
    assert [key for key in table(code) if re.search(r"\}\{\d", key)] == []


TABLE = {
    "{1} has no {2}": "{2*} нет в {1}",
    "decoder": "декодера",
    "Choose another": "Выберите другой",
    "{1} cannot be used: {2}": "{1} нельзя использовать: {2*}",
}


@pytest.mark.parametrize(
    ("english", "told"),
    [
        ("x.pt has no decoder", "декодера нет в x.pt"),
        ("x.pt has no decoder.", "декодера нет в x.pt."),
        ("x.pt has no decoder. Choose another.", "декодера нет в x.pt. Выберите другой."),
        ("decoder has no attention", "attention нет в decoder"),  # the first is the name of a file
        ("a. b.pt cannot be used: a. b.pt has no decoder.", "a. b.pt нельзя использовать: декодера нет в a. b.pt."),
        ("x.pt cannot be used: it is odd. Choose another.", "x.pt нельзя использовать: it is odd. Выберите другой."),
        ("Something else.", None),
        ("", None),
    ],
)
def test_what_is_made_of_a_text(english: str, told: str | None) -> None:
    assert Words(TABLE).translated(english) == told


def test_names_are_never_read_as_templates() -> None:
    assert Words(TABLE).translated(r"{2*}\1 has no decoder") == r"декодера нет в {2*}\1"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "存在しません"),
        ({"LANG": "C", "LC_ALL": "ru_RU.UTF-8"}, "не существует"),
        ({"LANG": "ru_RU.UTF-8", "VAEWB_LANGUAGE": "en"}, "does not exist"),
        ({"LANG": "de_DE.UTF-8"}, "does not exist"),
    ],
)
def test_the_terminal_speaks_the_language_of_its_environment(
    variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "VAEWB_LANGUAGE"))}
    command = [sys.executable, "-m", "vae_workbench", "identify", str(tmp_path / "none.safetensors")]
    environment = {**kept, "PYTHONIOENCODING": "utf-8", **variables}
    for arguments, wanted in ((command, told), ([*command, "--json"], "does not exist")):
        done = subprocess.run(arguments, capture_output=True, encoding="utf-8", env=environment, cwd=ROOT, check=False)
        assert wanted in done.stdout + done.stderr
