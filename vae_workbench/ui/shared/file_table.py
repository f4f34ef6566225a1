"""A table of files that sorts, filters and searches in the browser; ``javascript/vae_workbench.js`` draws it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any, Literal

from ...lazy_dataclass import dataclass
from ...printable import printable

Badge = tuple[str, str, str]
"""Text, kind (``info``, ``warning`` or ``error``), and what it means."""

Cell = str | int | tuple[str, str] | tuple[Badge, ...]
"""By the kind of its column: a line or two lines of text, bytes, the address of a picture, badges."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        title: its heading.
        kind: ``text``, ``size``, ``picture`` or ``badges``.
        width: as CSS has it for the track of a grid.
        filter: whether one of its values can be chosen.
        least: pixels of width that the table must have for this column to be shown.
        card: whether it is told on cards too.
    """

    title: str
    kind: Literal["text", "size", "picture", "badges"] = "text"
    width: str = "minmax(0, 1fr)"
    filter: bool = False
    least: int = 0
    card: bool = False


@dataclass(frozen=True)
class Row:
    """A file.

    Attributes:
        key: what the page gets when a person chooses it.
        cells: one for each column.
    """

    key: str
    cells: Sequence[Cell]


def file_table(
    name: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    height: int,
    by: int = 0,
    marks: bool = False,
    cards: bool = False,
) -> str:
    """The table as HTML, to be used inside an element of class ``vaewb-files`` that holds a field ``vaewb-chosen``.

    Args:
        name: tells this table from others, so that search and order are kept when it is replaced.
        columns: what is shown.
        rows: all files; ten thousand are fine.
        height: of a row, in pixels.
        by: place of the column that it is sorted by at first.
        marks: whether rows can be marked; the page has a field ``vaewb-marked`` then, for their keys as a list in JSON.
        cards: whether the files can be seen as cards as well, which they are at first.
    """
    shown = [
        {"title": it.title, "kind": it.kind, "width": it.width, "filter": it.filter, "least": it.least, "card": it.card}
        for it in columns
    ]
    table = {
        "columns": shown,
        "rows": [[row.key, *row.cells] for row in rows],
        "height": height,
        "by": by,
        "marks": marks,
        "cards": cards,
    }
    data = escape(json.dumps(_printable(table), ensure_ascii=False, separators=(",", ":")), quote=True)
    return f"<vaewb-table data-name='{escape(name, quote=True)}' data-table='{data}'></vaewb-table>"


def _printable(value: Any) -> Any:
    """Plain values with all texts as they can be shown; texts are from files."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list | tuple) else value
