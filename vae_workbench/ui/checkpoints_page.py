"""The page "Checkpoints": what family each is of, and which VAE is baked into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..library.collection import Collection
from ..library.entry import Entry
from .file_details import NOTHING_CHOSEN, details
from .file_table import Column, Row, file_table
from .file_words import badges, baked_vae, family
from .messages import message
from .scan import first_scan, scan
from .work_line import WorkLine
from .workbench import Workbench

COLUMNS = (
    Column("Name", width="minmax(110px, 3fr)"),
    Column("Family", width="minmax(70px, 1fr)", filter=True),
    Column("Baked VAE", width="minmax(110px, 3fr)"),
    Column("Precision", width="72px", filter=True, least=620),
    Column("Size", "size", "72px", least=480),
    Column("Badges", "badges", "minmax(84px, 1fr)", filter=True, least=440),
)
ROW_HEIGHT = 40

Update = Sequence[Any]


@dataclass(frozen=True)
class CheckpointsPage:
    """The components of the page and what they do. Build it inside a ``gr.Blocks``."""

    workbench: Workbench
    status: gr.HTML
    scan: gr.Button
    cancel: gr.Button
    table: gr.HTML
    chosen: gr.Textbox
    details: gr.HTML
    job: gr.State

    @classmethod
    def build(cls, workbench: Workbench, tab: gr.Tab) -> CheckpointsPage:
        """Lays out the page and connects it; it is brought up to date whenever its tab is opened."""
        with gr.Column(elem_id="vaewb_checkpoints", elem_classes="vaewb-files"):
            with gr.Row(elem_classes="vaewb-bar"):
                status = gr.HTML(elem_id="vaewb_checkpoints_status")
                scan_button = gr.Button("Scan", size="sm", elem_id="vaewb_checkpoints_scan")
                cancel = gr.Button("Cancel", size="sm", interactive=False, elem_id="vaewb_checkpoints_cancel")
            with gr.Row():
                with gr.Column(scale=3, min_width=480):
                    table = gr.HTML(elem_id="vaewb_checkpoints_table")
                with gr.Column(scale=2, min_width=340):
                    chosen = gr.Textbox(elem_classes="vaewb-chosen", show_label=False, container=False)
                    shown = gr.HTML(NOTHING_CHOSEN, elem_id="vaewb_checkpoints_details")
        page = cls(workbench, status, scan_button, cancel, table, chosen, shown, gr.State())
        page._wire(tab)
        return page

    def _wire(self, tab: gr.Tab) -> None:
        outputs = [self.table, self.details]
        line = WorkLine(self.workbench.live, self.status, (self.scan,), self.cancel, self.job, self._shown, outputs)
        line.wire(self.scan, lambda progress: scan(self.workbench, progress), [], [self.chosen])
        line.wire_opening(tab, lambda progress: first_scan(self.workbench, progress), [self.chosen])
        line.wire_cancel()
        self.chosen.input(
            self._details, [self.chosen], [self.details], show_progress="hidden", queue=False, api_name=False
        )

    def _shown(self, name: str) -> Update:
        return [self._table(self.workbench.library.collection()), self._details(name)]

    def _details(self, name: str) -> str:
        entry = self.workbench.library.collection().by_name(name)
        if entry is None:
            return message(f"{name} is no longer there.") if name else NOTHING_CHOSEN
        return details(entry, badges(entry), None)

    def _table(self, collection: Collection) -> str:
        if not collection.checkpoints:
            return message("No checkpoints were found.") if self.workbench.library.report else ""
        return file_table("Checkpoints", COLUMNS, [_row(entry) for entry in collection.checkpoints], height=ROW_HEIGHT)


def _row(entry: Entry) -> Row:
    verdict = entry.verdict
    return Row(
        entry.name,
        (entry.name, family(verdict), baked_vae(verdict), verdict.dtype or "", entry.size, badges(entry)),
    )
