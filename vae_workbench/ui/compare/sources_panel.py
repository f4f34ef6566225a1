"""The panel in which a person gathers what is compared; ``javascript/vae_workbench_sources.js`` draws it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ...errors import WorkbenchError
from ...lazy_dataclass import dataclass
from ..workbench import Workbench
from .sources import BUILT_IN, add_own, told
from .uploads import uploaded

logger = logging.getLogger("vae_workbench")


@dataclass(frozen=True)
class SourcesPanel:
    """The components of the panel. Build it inside a ``gr.Blocks``.

    Attributes:
        chosen: hidden; its place among the inputs of a handler is filled in by the script.
        add: hidden; the script writes an upload into it, which is added.
        added: hidden; what came of it.
        look: hidden; the script presses it to learn of the newest generations.
        newest: hidden; those.
    """

    workbench: Workbench
    shown: gr.HTML
    chosen: gr.Textbox
    add: gr.Textbox
    added: gr.Textbox
    look: gr.Button
    newest: gr.Textbox

    @classmethod
    def build(cls, workbench: Workbench) -> SourcesPanel:
        """Lays out the panel."""
        return cls(
            workbench,
            gr.HTML(_element(workbench), elem_id="vaewb_sources"),
            hidden_field("vaewb_sources_chosen"),
            hidden_field("vaewb_sources_add"),
            hidden_field("vaewb_sources_added"),
            gr.Button(elem_id="vaewb_generations_look", elem_classes="vaewb-hidden"),
            hidden_field("vaewb_generations_newest"),
        )

    def wire(self, longest_side: gr.Slider) -> None:
        """Connects it."""
        plain: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_name": False}
        adding = self.add.input(self._add, [self.add, longest_side], [self.added], **plain)
        adding.then(None, [self.added], None, _js="(text) => { vaewbSources.added(text); return []; }")
        looking = self.look.click(self._newest, None, [self.newest], **plain)
        looking.then(None, [self.newest], None, _js="(text) => { vaewbSources.made(text); return []; }")

    def _add(self, text: str, longest_side: float) -> str:
        """What was uploaded as a source, or why it is none, as JSON; ``number`` tells the script which upload it was."""
        given: Mapping[str, Any] = json.loads(text)
        try:
            with uploaded(given, Path(self.shown.DEFAULT_TEMP_DIR)) as file:
                records = add_own(
                    self.workbench.comparisons,
                    str(given.get("comparison")),
                    file,
                    str(given.get("name", "")),
                    int(longest_side),
                )
            answer: Mapping[str, Any] = {"items": [told(record) for record in records]}
        except WorkbenchError as error:
            answer = {"error": str(error)}
        except Exception as error:  # the outermost callback: whatever happened, the page says so
            logger.exception("A source could not be added")
            answer = {"error": f"This failed: {error}. The log has the details."}
        return json.dumps({**answer, "number": given.get("number")})

    def _newest(self) -> str:
        """The generations that are kept, newest first, as JSON."""
        kept = self.workbench.generations.newest() if self.workbench.generations else []
        return json.dumps(
            [
                {
                    "kind": "generation",
                    "id": made.id,
                    "name": made.name,
                    "infotext": made.infotext,
                    "vae": made.made_by,
                }
                for made in kept
            ]
        )


def hidden_field(name: str) -> gr.Textbox:
    """A field by which a script and the page's handlers tell each other something."""
    return gr.Textbox(elem_id=name, elem_classes="vaewb-hidden", show_label=False, container=False)


def _element(workbench: Workbench) -> str:
    given = {"builtIn": BUILT_IN, "makes": workbench.generations is not None}
    return f"<vaewb-sources data-given='{escape(json.dumps(given), quote=True)}'></vaewb-sources>"
