"""A table of files, as the browser gets it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from vae_workbench.ui.checkpoints import page as checkpoints
from vae_workbench.ui.library import page as library
from vae_workbench.ui.shared.file_table import Column, Row, file_table


class Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_rows_arrive_as_they_can_be_shown_whatever_they_contain() -> None:
    evil = "'><img src=x onerror=alert(1)>\"&amp;</script>\n\udce9 日本語.safetensors"
    rows = [Row(evil, (evil, 7, ((evil, "error", evil),)))]
    parser = Attributes()
    parser.feed(file_table("VAE 'files'", (Column("Name"), Column("Size", "size")), rows, height=52, by=1))
    assert [tag for tag, _ in parser.seen] == ["vaewb-table"]
    attributes = parser.seen[0][1]
    table = json.loads(attributes["data-table"] or "")
    assert attributes["data-name"] == "VAE 'files'"
    shown = evil.replace("\n", "\\x0a").replace("\udce9", "\\xe9")
    assert table["rows"] == [[shown, shown, 7, [[shown, "error", shown]]]]
    assert [column["kind"] for column in table["columns"]] == ["text", "size"]
    assert (table["height"], table["by"]) == (52, 1)


@pytest.mark.parametrize("columns, marks", [(library.COLUMNS, 0), (checkpoints.COLUMNS, 20)])
def test_columns_fit_into_the_width_that_shows_them(columns: Sequence[Column], marks: int) -> None:
    """In a window of 1280 pixels the Library showed a column too many, and the badges were cut off."""
    gap, padding = 10, 20
    for column in columns:
        together = [other for other in columns if other.least <= column.least]
        tracks = [int(re.findall(r"(\d+)px", other.width)[0]) for other in together] + [marks] * bool(marks)
        needed = sum(tracks) + gap * (len(tracks) - 1) + padding
        assert needed <= max(column.least, 340), f"{column.title} needs {needed} pixels"
