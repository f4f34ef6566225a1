"""Sentences and progress as HTML, alike on every page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape

from ...printable import printable
from .jobs import Job


def text_html(text: str) -> str:
    """Text from files, file names and errors, for use between tags and in attributes."""
    return escape(printable(text), quote=True)


def progress_bar(job: Job) -> str:
    """HTML for work under way; ``javascript/vae_workbench_jobs.js`` keeps it up to date."""
    fraction, what = job.progress
    percent = max(0, min(100, round(fraction * 100)))
    return (
        f"<div class='vaewb-progress' role='progressbar' aria-valuenow='{percent}' aria-valuemin='0' aria-valuemax='100' "
        f"data-vaewb-job='{job.id}' data-vaewb-kind='{job.kind}'>"
        f"<div style='width:{percent}%'></div><span>{percent} % · {text_html(what)}</span></div>"
    )


def also_running(job: Job) -> str:
    """HTML for other work under way, with a button to watch that one instead."""
    percent = round(job.progress[0] * 100)
    button = (
        f"<button type='button' class='vaewb-button' data-vaewb-watch='{job.id}' data-vaewb-kind='{job.kind}'>"
        "Watch it</button>"
    )
    return message(f"Also under way: {job.title}, {percent} %.", more=button)


def end_mark(job: Job) -> str:
    """Invisible HTML by which the script of the pages notices that a job has ended."""
    return f"<i hidden data-vaewb-ended='{job.id}' data-vaewb-kind='{job.kind}'></i>"


def message(sentence: str, kind: str = "info", more: str = "") -> str:
    """HTML for one sentence; ``kind`` is ``info``, ``warning`` or ``error``, ``more`` is HTML to follow in its line."""
    role = "alert" if kind == "error" else "status"
    return f"<p class='vaewb-message vaewb-{kind}' role='{role}'>{text_html(sentence)}{more and ' ' + more}</p>"


def order_button(text: str, order: Mapping[str, object], tip: str = "") -> str:
    """HTML for a button that sends an order to the page's hidden field ``vaewb-order``, as JSON."""
    data = escape(json.dumps(order), quote=True)
    named = f" title='{text_html(tip)}' aria-label='{text_html(tip)}'" if tip else ""
    return f"<button type='button' class='vaewb-button' data-vaewb-order='{data}'{named}>{text_html(text)}</button>"
