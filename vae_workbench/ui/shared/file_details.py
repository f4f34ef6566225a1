"""All that is known of one file, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ...library.entry import Entry
from ...printable import printable
from .file_table import Badge
from .file_words import CONTAINERS, baked_vae, family, file_size, latent_space, weights
from .messages import text_html

NOTHING_CHOSEN = "<p class='vaewb-note'>Choose a file in the table to see what is known of it, and why.</p>"

MOST_COPIES = 20


def details(entry: Entry, badges: Sequence[Badge], picture: str | None, precision: Iterable[str] = ()) -> str:
    """HTML for one file.

    Args:
        entry: the file.
        badges: what to be wary of.
        picture: address of its thumbnail.
        precision: what was learned of its overflows, in sentences.
    """
    verdict = entry.verdict
    drawn = f"<img src='{escape(picture, quote=True)}' alt='What it makes of the test picture'>" if picture else ""
    told = {why for _, _, why in badges}
    warned = "".join(
        f"<p class='vaewb-message vaewb-{kind}'><b>{text_html(text)}</b>: {text_html(why)}</p>"
        for text, kind, why in badges
        if why
    )
    technical = (
        _facts(_technical(entry))
        + _list("Why", (text_html(reason) for reason in verdict.reasons if reason not in told))
        + _list("Relatives", (text_html(other.text) for other in verdict.relatives))
        + _list("Precision", (text_html(sentence) for sentence in precision if sentence not in told))
    )
    return (
        f"<section class='vaewb-details' aria-label='Details'><header>{drawn}<div><h2>{text_html(entry.name)}</h2>"
        f"{_facts(_plain(entry))}</div></header>{warned}"
        + _list(
            "Copies: the same VAE in other files", map(opener, verdict.copies_of[:MOST_COPIES]), len(verdict.copies_of)
        )
        + "<vaewb-technical><details class='vaewb-section'><summary>Details</summary>"
        + f"{technical}</details></vaewb-technical></section>"
    )


Fact = tuple[str, Sequence[str | None]]
"""What it is called, and its parts; those that are not known are left out."""


def _plain(entry: Entry) -> tuple[Fact, ...]:
    """What the file is and what it is good for, as people say it."""
    verdict = entry.verdict
    is_checkpoint = verdict.kind == "checkpoint"
    return (
        ("Known as", (verdict.known_as,)),
        ("Family", (family(verdict),) if is_checkpoint else ()),
        ("Baked VAE", (baked_vae(verdict),)),
        ("Made for", latent_space(verdict) if verdict.kind == "vae" else ()),
        ("File", (file_size(entry.size), verdict.dtype)),
    )


def _technical(entry: Entry) -> tuple[Fact, ...]:
    """What the weights are, for those who know what that means."""
    verdict = entry.verdict
    is_checkpoint = verdict.kind == "checkpoint"
    baked = verdict.baked.architecture if verdict.baked else None
    architecture = baked if is_checkpoint else verdict.architecture
    widths = verdict.baked.widths if verdict.baked else verdict.widths
    return (
        ("Latent space", latent_space(verdict) if is_checkpoint else ()),
        ("Architecture", (architecture, "·".join(map(str, widths)))),
        ("Weights", weights(verdict)),
        ("File", (CONTAINERS.get(verdict.container or ""), printable(entry.path))),
        ("sha256", (entry.sha256,)),
    )


def _facts(told: Iterable[Fact]) -> str:
    # Each word is an element of its own, so that the web UI can translate it.
    lines = ((name, " · ".join(f"<span>{text_html(part)}</span>" for part in parts if part)) for name, parts in told)
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{line}</dd>' for name, line in lines if line)}</dl>"


def opener(name: str, text: str | None = None) -> str:
    """A button that opens the details of a file of this name."""
    shown = text_html(name if text is None else text)
    return f"<button type='button' class='vaewb-link' data-vaewb-open='{text_html(name)}'>{shown}</button>"


def _list(title: str, items: Iterable[str], of: int = 0) -> str:
    lines = [f"<li>{item}</li>" for item in items]
    more = f"<li>and {of - len(lines)} more</li>" if of > len(lines) else ""
    return f"<h3>{title}</h3><ul>{''.join(lines)}{more}</ul>" if lines else ""
