"""Sentences and progress as HTML, alike on every page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape


def progress_bar(fraction: float, what: str) -> str:
    """HTML for work under way."""
    percent = max(0, min(100, round(fraction * 100)))
    return (
        f"<div class='vaewb-progress' role='progressbar' aria-valuenow='{percent}' aria-valuemin='0' aria-valuemax='100'>"
        f"<div style='width:{percent}%'></div><span>{percent} % · {escape(what)}</span></div>"
    )


def message(sentence: str, kind: str = "info", more: str = "") -> str:
    """HTML for one sentence; ``kind`` is ``info``, ``warning`` or ``error``, ``more`` is HTML to follow in its line."""
    role = "alert" if kind == "error" else "status"
    return f"<p class='vaewb-message vaewb-{kind}' role='{role}'>{escape(sentence)}{more and ' ' + more}</p>"


def order_button(text: str, order: Mapping[str, object], tip: str = "") -> str:
    """HTML for a button that sends an order to the page's hidden field ``vaewb-order``, as JSON."""
    data = escape(json.dumps(order, ensure_ascii=False), quote=True)
    named = f" title='{escape(tip, quote=True)}' aria-label='{escape(tip, quote=True)}'" if tip else ""
    return f"<button type='button' class='vaewb-button' data-vaewb-order='{data}'{named}>{escape(text)}</button>"
