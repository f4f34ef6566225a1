"""What the tab says to somebody who sees it for the first time: three sentences, and three ways to begin. It is said once."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import gradio as gr

from ..errors import WorkbenchError
from ..stored import StoredJson

logger = logging.getLogger("vae_workbench")

FILE, GREETED = "greeting.json", "greeted"

SENTENCES = (
    "A VAE turns what the model makes into the picture that you see; the wrong one gives pale, blotched or black pictures.",
    "Here you see what each of your VAEs really is and does, and which one each checkpoint gets and why.",
    "Your files are only read, nothing in them is run, and nothing is changed unless you press a button that says so.",
)
WAYS = (
    ("Look at my files", "library"),
    ("Compare now", "compare"),
    ("Set VAEs for my checkpoints", "checkpoints"),
)
"""What a button says, and the page that it opens."""


def greeting_in(folder: Path) -> StoredJson:
    """What remembers in this folder whether it was said."""
    return StoredJson(folder / FILE, 1, {})


def build_greeting(stored: StoredJson) -> None:
    """Adds it above the pages. ``stored`` remembers that it was said, ``javascript/vae_workbench_greeting.js`` dismisses it."""
    shown = gr.HTML(lambda: _html(stored), elem_id="vaewb_greeting")
    dismiss = gr.Button(elem_id="vaewb_greeting_dismiss", elem_classes="vaewb-hidden")
    dismiss.click(lambda: _dismiss(stored), [], [shown], queue=False, show_progress="hidden", api_name=False)


def _html(stored: StoredJson) -> str:
    try:
        if stored.read().get(GREETED):
            return ""
    except WorkbenchError as error:  # greeted once more is no harm
        logger.debug("%s", error)
    told = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
    ways = "".join(
        f"<button type='button' class='vaewb-way' data-vaewb-way={json.dumps(page)}>{text}</button>"
        for text, page in WAYS
    )
    return (
        "<section class='vaewb-greeting' aria-label='Welcome'>"
        "<button type='button' class='vaewb-close' data-vaewb-way='' aria-label='Close'>×</button>"
        f"{told}<div class='vaewb-ways'>{ways}</div></section>"
    )


def _dismiss(stored: StoredJson) -> str:
    try:
        stored.update(lambda content: content.update({GREETED: True}))
    except WorkbenchError as error:
        logger.warning("%s", error)
    return ""
