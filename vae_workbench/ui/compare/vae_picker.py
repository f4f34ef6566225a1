"""The list in which a person chooses VAEs, with what the library knows; ``javascript/vae_workbench_picker.js`` draws it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from ...choice.fit import title
from ...errors import InvalidInput
from ...lazy_dataclass import dataclass
from ...printable import printable
from ...progress import Progress
from ..library.plan_words import plan_badges
from ..library.thumbnails import Thumbnails, draw_thumbnails
from ..shared.file_table import Badge
from ..shared.messages import message
from ..shared.scan import counted
from ..shared.work_line import WorkLine
from ..workbench import Workbench
from .sources_panel import hidden_field
from .vae_choices import VaeChoice, candidates, row, vae_choices

OWN_ENCODER = "each VAE's own"


@dataclass(frozen=True)
class VaePicker:
    """The components of the list. Build it inside a ``gr.Blocks``.

    Attributes:
        chosen: hidden; its place among the inputs of a handler is filled in by the script.
        refresh: looks at the files anew.
        draw: draws the thumbnails that are missing.
        encoder: the VAE that encodes for all.
    """

    workbench: Workbench
    shown: gr.HTML
    chosen: gr.Textbox
    status: gr.HTML
    refresh: gr.Button
    draw: gr.Button
    cancel: gr.Button
    encoder: gr.Dropdown
    thumbnails: Thumbnails

    @classmethod
    def build(cls, workbench: Workbench) -> VaePicker:
        """Lays out the list and connects it."""
        shown = gr.HTML(elem_id="vaewb_vaes", elem_classes="vaewb-files")
        chosen = hidden_field("vaewb_vaes_chosen")
        with gr.Row(elem_id="vaewb_vaes_tools"):
            refresh = gr.Button("Refresh the list", size="sm", elem_id="vaewb_refresh")
            draw = gr.Button("Draw thumbnails", size="sm", elem_id="vaewb_vaes_draw")
            cancel = gr.Button("Stop", size="sm", interactive=False, elem_id="vaewb_vaes_cancel")
        status = gr.HTML(elem_id="vaewb_vaes_status")
        encoder = gr.Dropdown([OWN_ENCODER], value=OWN_ENCODER, label="Encoder", elem_id="vaewb_encoder")
        thumbnails = Thumbnails(workbench.library, lambda path: str(shown.make_temp_copy_if_needed(path)))
        picker = cls(workbench, shown, chosen, status, refresh, draw, cancel, encoder, thumbnails)
        shown.value, choices = picker.listed()
        encoder.choices = choices["choices"]
        picker._wire()
        return picker

    def _wire(self) -> None:
        line = WorkLine.build(
            self.workbench.jobs,
            "vaes",
            self.status,
            (self.draw,),  # who refreshes while files are looked at wants another look after that one
            self.cancel,
            (),
            self.listed,
            (self.shown, self.encoder),
        )
        line.wire(self.refresh, self._scan)
        line.wire(self.draw, self._draw)

    def listed(self) -> Sequence[Any]:
        """New values for the list and for the choice of an encoder."""
        checkpoint = self.workbench.checkpoint()
        choices = vae_choices(candidates(self.workbench), self.workbench.library.collection(), checkpoint)
        pictures = self.thumbnails.addresses([choice.entry for choice in choices if choice.entry])
        given = {
            "rows": [row(it, pictures.get(it.entry.path, "") if it.entry else "", self._badges(it)) for it in choices],
            "selected": list(self.workbench.selected),
            "checkpoint": title(checkpoint) if checkpoint else "",
            "nothing": _nothing(self.workbench),
        }
        data = escape(json.dumps(given, ensure_ascii=False, separators=(",", ":")), quote=True)
        encoders = [choice.name for choice in choices if choice.group != "unusable" and choice.encodes]
        return [
            f"<vaewb-picker data-given='{printable(data)}'></vaewb-picker>",
            gr.update(choices=[OWN_ENCODER, *encoders]),
        ]

    def _badges(self, choice: VaeChoice) -> Sequence[Badge]:
        """What was learned of its overflows."""
        entry, plans = choice.entry, self.workbench.plans
        sketch_id = entry.verdict.sketch_id if entry else None
        return plan_badges(plans.of(sketch_id, entry.verdict.known_as)) if plans and entry and sketch_id else ()

    def _scan(self, progress: Progress) -> str:
        report = self.workbench.library.scan(self.workbench.library_folders(), progress)
        return message(f"{counted(report.examined, 'new or changed file')} looked at.") if report.examined else ""

    def _draw(self, progress: Progress) -> str:
        if self.workbench.library.report is None:
            self.workbench.library.scan(self.workbench.library_folders(), progress)
        drawn, faults = draw_thumbnails(self.workbench, progress)
        return message(f"{counted(drawn, 'thumbnail')} drawn.") + "".join(message(fault, "error") for fault in faults)


def names_from(text: str) -> list[str]:
    """What the script tells of the VAEs that were chosen.

    Raises:
        InvalidInput: it is something else.
    """
    try:
        return [str(name) for name in json.loads(text)]
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("The VAEs did not arrive", "Load the page anew") from error


def _nothing(workbench: Workbench) -> str:
    return f"No VAE files were found. Put some into {workbench.vae_folders()} and refresh the list."
