"""A table of files, as the browser gets it."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from vae_workbench.ui.file_table import Column, Row, file_table


class Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_rows_arrive_as_they_are_whatever_they_contain() -> None:
    evil = "'><img src=x onerror=alert(1)>\"&amp;</script>\n日本語.safetensors"
    rows = [Row(evil, (evil, 7, ((evil, "error", evil),)))]
    parser = Attributes()
    parser.feed(file_table("VAE 'files'", (Column("Name"), Column("Size", "size")), rows, height=52, by=1))
    assert [tag for tag, _ in parser.seen] == ["vaewb-table"]
    attributes = parser.seen[0][1]
    table = json.loads(attributes["data-table"] or "")
    assert attributes["data-name"] == "VAE 'files'"
    assert table["rows"] == [[evil, evil, 7, [[evil, "error", evil]]]]
    assert [column["kind"] for column in table["columns"]] == ["text", "size"]
    assert (table["height"], table["by"]) == (52, 1)
