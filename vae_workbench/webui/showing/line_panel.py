"""What opens below the line in the top bar: all that is to say of the VAE in use, why it is this one, and what else fits.

Its buttons carry orders as JSON, which ``javascript/vae_workbench_active.js`` hands to :mod:`.status_line`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from modules import sd_models, sd_vae

from ...choice.best_match import best_matches
from ...choice.decide import Choice
from ...choice.fit import vae_traits
from ...library.entry import Entry
from ...ui.checkpoints.preference_words import step_list
from ...ui.shared.messages import message, text_html
from ..choosing import vae_list
from ..choosing.choose import candidates, networks
from ..choosing.current_choice import choice_for
from ..switching.switch import AUTOMATIC, loaded_vae
from .active_vae import Active

MOST = 6
"""Other VAEs that are offered; the selector has them all."""


@dataclass(frozen=True)
class Alternatives:
    """What the panel knows beyond the line.

    Attributes:
        choice: the decision behind what is in use.
        others: listed VAEs that fit, each with its published name or nothing; the best first.
    """

    choice: Choice
    others: Sequence[tuple[str, str]] = ()


def alternatives() -> Alternatives | None:
    """For the model in use; ``None`` where there is none.

    Raises:
        UnsupportedFile, UnreadableFile: the preferences cannot be read.
    """
    model = sd_models.model_data.sd_model
    if model is None:
        return None
    loaded = loaded_vae(model)
    found, checkpoint = candidates(loaded.checkpoint)
    listed = set(sd_vae.vae_dict.values())
    used = loaded.origin.path if loaded.origin else ""
    best = best_matches(checkpoint, found, networks.get(checkpoint.path))
    others = [(vae_list.name_of(entry.path), _known_as(entry)) for entry in best if entry.path in listed - {used}]
    return Alternatives(choice_for(loaded.checkpoint), others)


def _known_as(entry: Entry) -> str:
    traits = vae_traits(entry)
    return (traits.known_as or "") if traits else ""


def panel(now: Active, more: Alternatives | None, setting: str) -> str:
    """The panel as HTML; the style sheet hides it until the line is pressed. ``setting`` is what the top bar says."""
    anyway = _order("Use it all the same", {"do": "use", "vae": now.offer, "force": True}) if now.offer else ""
    told = message(now.error, "error", anyway) if now.error else ""
    told += "".join(message(warning, "warning") for warning in now.warnings)
    told += message(now.hint, "hint") if now.hint else ""
    buttons = [_order("Take it off", {"do": "take off"})] if now.tried_on else []
    if setting != AUTOMATIC and not now.tried_on:
        buttons.append(_order("Back to Automatic", {"do": "use", "vae": AUTOMATIC}))
    actions = f"<p class='vaewb-actions'>{''.join(buttons)}</p>" if buttons else ""
    why = f"<h2>Why this one?</h2>{step_list(more.choice)}" if more and not now.tried_on else ""
    return (
        "<section id='vaewb_active_panel' class='vaewb-files' role='dialog' aria-label='The VAE in use'>"
        f"<header><strong>{text_html(now.line())}</strong>"
        "<button type='button' class='vaewb-close' aria-label='Close'>×</button></header>"
        f"{told}{actions}{why}{_others(more.others if more else ())}"
        f"<details class='vaewb-section'><summary>Details</summary><p class='vaewb-note'>{text_html(now.path)}</p></details>"
        "</section>"
    )


def _others(others: Sequence[tuple[str, str]]) -> str:
    if not others:
        return ""
    shown = others[:MOST]
    lines = "".join(
        f"<li><span>{text_html(name)}{known and f' <small>{text_html(known)}</small>'}</span>"
        f"{_order('Use', {'do': 'use', 'vae': name}, f'Use {name}')}</li>"
        for name, known in shown
    )
    rest = f"<p class='vaewb-note'>+{len(others) - MOST} <span>in the list</span></p>" if len(others) > MOST else ""
    return f"<h2>Others that fit</h2><ul class='vaewb-others'>{lines}</ul>{rest}{_compare(name for name, _ in shown)}"


def _compare(names: Iterable[str]) -> str:
    data = escape(json.dumps(list(names)))
    return f"<button type='button' class='vaewb-button' data-vaewb-compare='{data}'>Compare these</button>"


def _order(text: str, order: dict[str, object], label: str = "") -> str:
    named = f" aria-label='{text_html(label)}'" if label else ""
    return f"<button type='button' class='vaewb-button' data-vaewb-line='{escape(json.dumps(order))}'{named}>{text}</button>"
