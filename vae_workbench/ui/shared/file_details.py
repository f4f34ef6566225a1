"""All that is known of one file, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ...library.entry import Entry
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
    return (
        f"<section class='vaewb-details' aria-label='Details'><header>{drawn}<div><h3>{text_html(entry.name)}</h3>"
        f"<p class='vaewb-note'>{text_html(entry.path)}</p></div></header>{warned}{_facts(entry)}"
        + _list("Why", (text_html(reason) for reason in verdict.reasons if reason not in told))
        + _list(
            "Copies: the same VAE in other files", map(opener, verdict.copies_of[:MOST_COPIES]), len(verdict.copies_of)
        )
        + _list("Relatives", (text_html(other.text) for other in verdict.relatives))
        + _list("Precision", (text_html(sentence) for sentence in precision if sentence not in told))
        + "</section>"
    )


def _facts(entry: Entry) -> str:
    verdict = entry.verdict
    is_checkpoint = verdict.kind == "checkpoint"
    architecture = verdict.baked and verdict.baked.architecture if is_checkpoint else verdict.architecture
    widths = verdict.baked.widths if verdict.baked else verdict.widths
    told = (
        ("Known as", (verdict.known_as,)),
        ("Family", (family(verdict),) if is_checkpoint else ()),
        ("Baked VAE", (baked_vae(verdict),)),
        ("Latent space", latent_space(verdict) if verdict.kind in ("vae", "checkpoint") else ()),
        ("Architecture", (architecture, "·".join(map(str, widths)))),
        ("Weights", weights(verdict)),
        ("File", (CONTAINERS.get(verdict.container or ""), file_size(entry.size))),
        ("sha256", (entry.sha256,)),
    )
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
    return f"<h4>{title}</h4><ul>{''.join(lines)}{more}</ul>" if lines else ""
