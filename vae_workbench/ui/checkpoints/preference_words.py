"""Which VAE a checkpoint gets, why, and the rules behind it, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from ...choice.decide import Choice, Source, Step
from ...choice.hint import Hint
from ...choice.preferences import Rule
from ...library.entry import Entry
from ..shared.file_table import Badge
from ..shared.messages import message, order_button, text_html
from .preference_changes import called

PLACES = {
    Source.COMMAND_LINE: "--vae-path",
    Source.SETTING: "top bar",
    Source.OVERRIDE: "override",
    Source.PATTERN: "rules by name",
    Source.DEFAULT: "default",
    Source.BESIDE: "file named like it",
    Source.OWN: "its own VAE",
    Source.BEST_MATCH: "best match",
}

OUTSIDE = (Source.COMMAND_LINE, Source.SETTING)
"""Places outside of the preferences, which are not told of when they say nothing."""


def used(choice: Choice) -> tuple[str, str]:
    """The VAE that will be used, and why, in a few words each."""
    if choice.source is Source.NOTHING:
        return "none", choice.reason
    reason = "nothing else is set" if choice.source is Source.OWN else choice.reason
    return (choice.vae.name if choice.vae else "its own", reason)


def choice_badges(choice: Choice) -> tuple[Badge, ...]:
    """What to be wary of in a choice."""
    if choice.source is Source.NOTHING:
        return (("no VAE", "error", choice.warnings[-1]),)
    return (("see why", "warning", " ".join(choice.warnings)),) if choice.warnings else ()


def decision(checkpoint: Entry, choice: Choice, advice: Hint | None) -> str:
    """The VAE of a checkpoint, with a hint at a better one, and the decision step by step."""
    name, reason = used(choice)
    kind = "error" if choice.source is Source.NOTHING else "warning"
    warnings = "".join(message(warning, kind) for warning in choice.warnings)
    return (
        f"<section class='vaewb-details vaewb-decision' aria-label='VAE that will be used'>"
        f"<h2>VAE that will be used</h2><p><b>{text_html(name)}</b> <span class='vaewb-note'>{text_html(reason)}</span></p>"
        f"{warnings}{_hint(checkpoint, advice)}"
        f"<details class='vaewb-section' open><summary>Why this one?</summary>{step_list(choice)}</details>"
        "</section>"
    )


def step_list(choice: Choice) -> str:
    """The decision step by step."""
    told = (step for step in choice.steps if step.found is not None or step.source not in OUTSIDE)
    return f"<ol class='vaewb-steps'>{''.join(map(_step, told))}</ol>"


def _step(step: Step) -> str:
    found = "" if step.found is None else f" <b>{text_html(step.found)}</b>"
    taken = " class='vaewb-taken' aria-current='step'" if step.taken else ""
    return f"<li{taken}><span>{PLACES[step.source]}</span><div>{found} {text_html(step.why)}</div></li>"


def _hint(checkpoint: Entry, advice: Hint | None) -> str:
    if advice is None:
        return ""
    use = order_button("Use it", {"do": "use", "names": [checkpoint.name], "vae": advice.vae.name})
    dismiss = order_button("Dismiss", {"do": "dismiss", "names": [checkpoint.name]})
    return message(advice.text, "hint", use + dismiss)


def rule_list(rules: Sequence[Rule], fitting: Sequence[int]) -> str:
    """The rules in their order, with buttons to move and to remove them.

    Args:
        rules: all of them.
        fitting: how many checkpoints each of them fits.
    """
    if not rules:
        return ""
    last = len(rules) - 1
    lines = "".join(
        f"<li><code>{text_html(rule.pattern)}</code> → {text_html(called(rule.vae.name))} "
        f"<small>fits {count or 'none so far'}</small><span class='vaewb-tools'>"
        + (order_button("↑", {"do": "move", "place": place, "by": -1}, f"Ask {rule.pattern} sooner") if place else "")
        + (
            order_button("↓", {"do": "move", "place": place, "by": 1}, f"Ask {rule.pattern} later")
            if place < last
            else ""
        )
        + order_button("✕", {"do": "remove", "pattern": rule.pattern}, f"Remove {rule.pattern}")
        + "</span></li>"
        for place, (rule, count) in enumerate(zip(rules, fitting, strict=True))
    )
    return f"<ol class='vaewb-rules'>{lines}</ol>"
