"""Sentences and progress as HTML, alike on every page."""

from __future__ import annotations

from html import escape


def progress_bar(fraction: float, what: str) -> str:
    """HTML for work under way."""
    percent = max(0, min(100, round(fraction * 100)))
    return (
        f"<div class='vaewb-progress' role='progressbar' aria-valuenow='{percent}' aria-valuemin='0' aria-valuemax='100'>"
        f"<div style='width:{percent}%'></div><span>{percent} % · {escape(what)}</span></div>"
    )


def message(sentence: str, kind: str = "info") -> str:
    """HTML for one sentence; ``kind`` is ``info`` or ``error``."""
    role = "alert" if kind == "error" else "status"
    return f"<p class='vaewb-message vaewb-{kind}' role='{role}'>{escape(sentence)}</p>"
