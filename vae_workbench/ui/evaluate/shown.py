"""An evaluation on the page: what it says first, then what it looks like, then its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ...evaluate.measuring.measured import MEASURES
from ...evaluate.report.tables import conclusions, notes, tables_html
from ...evaluate.summary.summary import Summary
from ...evaluate.summary.verdict import verdict
from ..shared.messages import message, order_button, text_html
from .evaluations import ADDRESS, KeptEvaluation

FIRST = 3
"""Conclusions that are read at once; there are as many as there are pairs."""

DOWNLOADS = {
    "evaluation.html": "One HTML file to share",
    "summary.csv": "CSV",
    "pairs.csv": "Pairs (CSV)",
    "summary.md": "Markdown",
    "summary.json": "JSON",
}

EMPTY = (
    "<div class='vaewb-empty'><h3>Which VAE is better, over many pictures?</h3><ol>"
    "<li>Choose a folder of pictures; the built-in ones will do to try it.</li>"
    "<li>Choose two or more VAEs from the list.</li>"
    "<li>Press Evaluate. The built-in pictures take a minute or two with small VAEs.</li></ol>"
    "<p>Each VAE encodes and decodes every picture, and what comes out is measured against the picture. One picture may favour a"
    " VAE by chance; here you learn in how many it is closer, by how much, and where VAEs differ most.</p>"
    "<p>You may close this page meanwhile: the work goes on, and what was done is never done again.</p></div>"
)


def results_html(kept: KeptEvaluation, is_running: bool = False) -> str:
    """All that is known of an evaluation."""
    summary = kept.summary
    head, go_on = f"<h3>{text_html(kept.order.title)}</h3>", "" if is_running else _go_on(kept)
    if summary is None or summary.missing == summary.pictures:
        return f"{head}{message('Nothing is known yet.', more=go_on)}"
    done = summary.pictures - summary.missing
    told = "" if kept.is_finished else message(f"{done:,} of {summary.pictures:,} pictures", more=go_on)
    return "".join([head, told, _said(summary), _drawn(kept), _differing(kept), _numbers(summary), _downloads(kept)])


def list_html(all_kept: Iterable[KeptEvaluation], chosen: str, running: Iterable[str] = ()) -> str:
    """The evaluations that can be opened again."""
    rows = "".join(_row(kept, kept.id == chosen, kept.id in running) for kept in all_kept)
    return f"<h4>Evaluations until now</h4><ul class='vaewb-evaluations'>{rows}</ul>" if rows else ""


def _row(kept: KeptEvaluation, is_chosen: bool, is_running: bool) -> str:
    summary = kept.summary
    when = datetime.fromtimestamp(kept.changed).strftime("%Y-%m-%d %H:%M")
    state = "under way" if is_running else "stopped before any result"
    if summary and not is_running:
        done, all_of_them = f"{summary.pictures - summary.missing:,}", f"{summary.pictures:,}"
        state = f"{done} of {all_of_them} pictures" if summary.missing else f"{done} pictures"
    title = text_html(kept.order.title)
    opens = (
        f"<button type='button' class='vaewb-link' data-vaewb-evaluation='{kept.id}' aria-pressed='{str(is_chosen).lower()}'>"
        f"{title}</button>"
    )
    go_on = "" if is_running or kept.is_finished else _go_on(kept)
    removes = (
        f"<button type='button' class='vaewb-remove' data-vaewb-remove-evaluation='{kept.id}' aria-label='Remove {title}'>×"
        "</button>"
    )
    return f"<li>{opens}<small>{when} · <span>{state}</span></small>{go_on}{'' if is_running else removes}</li>"


def _go_on(kept: KeptEvaluation) -> str:
    return order_button("Go on", {"id": kept.id}, f"Go on with {kept.order.title}")


def _said(summary: Summary) -> str:
    first, *others = verdict(summary) or [""]
    answer = f"<p class='vaewb-message'><strong>{text_html(first)}</strong> {_sentences(others)}</p>" if first else ""
    said = [f"<li>{_sentences(sentences)}</li>" for sentences in conclusions(summary)]
    more = f"<details><summary>{len(said) - FIRST} more</summary><ul>{''.join(said[FIRST:])}</ul></details>"
    if not said:
        return answer
    return f"{answer}<ul class='vaewb-conclusions'>{''.join(said[:FIRST])}</ul>{more if said[FIRST:] else ''}"


def _sentences(told: Iterable[str]) -> str:
    """Each on its own, so that the page can say it in another language."""
    return " ".join(f"<span>{text_html(sentence)}</span>" for sentence in told)


def _drawn(kept: KeptEvaluation) -> str:
    plots = [
        f"<a href='{_address(kept, file)}' target='_blank'><img loading='lazy' src='{_address(kept, file)}' "
        f"alt='{MEASURES[name].title}'></a>"
        for name, file in kept.plots.items()
    ]
    return f"<div class='vaewb-plots'>{''.join(plots)}</div>"


def _differing(kept: KeptEvaluation) -> str:
    if not kept.has_differing:
        return ""
    viewer = f"<vaewb-viewer data-vaewb-evaluation='{kept.id}'></vaewb-viewer>"
    return f"<h4>The pictures where they differ most</h4>{viewer}"


def _numbers(summary: Summary) -> str:
    said = "".join(f"<li>{text_html(sentence)}</li>" for sentence in notes(summary))
    return f"<h4>Numbers</h4><div class='vaewb-numbers'>{tables_html(summary)}</div><ul class='vaewb-notes'>{said}</ul>"


def _downloads(kept: KeptEvaluation) -> str:
    links = [
        f"<a href='{_address(kept, file)}' download='{file}'>{text}</a>"
        for file, text in DOWNLOADS.items()
        if (kept.folder / file).is_file()
    ]
    return f"<p class='vaewb-links'>{' '.join(links)}</p>"


def _address(kept: KeptEvaluation, file: str) -> str:
    return f".{ADDRESS.format(evaluation_id=kept.id)}/{file}"
