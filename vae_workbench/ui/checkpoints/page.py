"""The page "Checkpoints": which VAE each of them gets and why, what is baked into it, and what a person set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ...choice.decide import Choice
from ...choice.hint import hint
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...library.entry import Entry
from ...progress import Progress
from ..shared.file_details import NOTHING_CHOSEN, details
from ..shared.file_table import Column, Row, file_table
from ..shared.file_words import badges, baked_vae, family
from ..shared.messages import message, text_html
from ..shared.scan import first_scan, scan
from ..shared.work_line import WorkLine
from ..workbench import Workbench
from .decisions import Decisions
from .preference_changes import PreferenceChanges
from .preference_words import choice_badges, decision, used
from .preferences_panel import PreferencesPanel

COLUMNS = (
    Column("Name", width="minmax(110px, 3fr)"),
    Column("VAE that will be used", width="minmax(110px, 3fr)"),
    Column("Family", width="minmax(64px, 1fr)", filter=True, least=480),
    Column("Baked VAE", width="minmax(100px, 2fr)", least=620),
    Column("Precision", width="72px", filter=True, least=820),
    Column("Size", "size", "64px", least=720),
    Column("Badges", "badges", "minmax(108px, 1fr)", filter=True, least=540),
)
ROW_HEIGHT = 44

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
    decisions: Decisions
    panel: PreferencesPanel

    @classmethod
    def build(cls, workbench: Workbench, tab: gr.Tab) -> CheckpointsPage:
        """Lays out the page and connects it; it is brought up to date whenever its tab is opened."""
        decisions = Decisions(workbench.preferences, workbench.vae_settings)
        changes = PreferenceChanges(workbench, decisions)
        with gr.Column(elem_id="vaewb_checkpoints", elem_classes="vaewb-files"):
            with gr.Row(elem_classes="vaewb-bar"):
                status = gr.HTML(elem_id="vaewb_checkpoints_status")
                scan_button = gr.Button("Scan", size="sm", elem_id="vaewb_checkpoints_scan")
                cancel = gr.Button("Cancel", size="sm", interactive=False, elem_id="vaewb_checkpoints_cancel")
            with gr.Row():
                with gr.Column(scale=3, min_width=480):
                    table = gr.HTML(elem_id="vaewb_checkpoints_table")
                    rest = gr.Column()
                with gr.Column(scale=2, min_width=340, elem_classes="vaewb-side"):
                    panel = PreferencesPanel.build(workbench, changes, rest)
                    chosen = gr.Textbox(elem_classes="vaewb-chosen", show_label=False, container=False)
                    shown = gr.HTML(NOTHING_CHOSEN, elem_id="vaewb_checkpoints_details")
        page = cls(workbench, status, scan_button, cancel, table, chosen, shown, decisions, panel)
        page._wire(tab)
        return page

    def _wire(self, tab: gr.Tab) -> None:
        line = WorkLine.build(
            self.workbench.jobs,
            "checkpoints",
            self.status,
            (self.scan, *self.panel.buttons),
            self.cancel,
            (self.chosen,),
            self._shown,
            (self.table, self.details, *self.panel.outputs),
        )
        line.wire(self.scan, lambda progress: self._looked(scan, progress))
        line.wire_opening(tab, lambda progress: self._looked(first_scan, progress))
        self.panel.wire(line, self.chosen)
        opened = [self.details, self.panel.vae]
        self.chosen.input(self._opened, [self.chosen], opened, show_progress="hidden", queue=False, api_name=False)

    def _looked(self, look: Any, progress: Progress) -> str:
        told: str = look(self.workbench, progress)
        told += self.panel.changes.heed(progress)
        progress(1.0, "deciding")
        self.decisions.of(self.workbench.library.collection())
        return told

    def _shown(self, name: str) -> Update:
        collection = self.workbench.library.collection()
        return [self._table(collection), self._details(name), *self.panel.shown(collection, name)]

    def _opened(self, name: str) -> Update:
        return [self._details(name), self.panel.set_now(name)]

    def _details(self, name: str) -> str:
        collection = self.workbench.library.collection()
        entry = collection.by_name(name)
        if entry is None:
            return message(f"{name} is no longer there.") if name else NOTHING_CHOSEN
        told = details(entry, badges(entry), None)
        choice = self.decisions.of(collection).get(entry.path)
        if choice is None:  # a VAE, reached from the checkpoint that holds a copy of it
            return told
        return decision(entry, choice, hint(entry, choice, self.workbench.preferences.read(), collection)) + told

    def _table(self, collection: Collection) -> str:
        if not collection.checkpoints:
            where = " · ".join(text_html(str(folder)) for folder in self.workbench.library_folders())
            none = message("No checkpoints were found.", more=f"<span>Put yours into</span> {where}")
            return none if self.workbench.library.report else ""
        choices = self.decisions.of(collection)
        rows = [_row(entry, choices[entry.path]) for entry in collection.checkpoints]
        return file_table("Checkpoints", COLUMNS, rows, height=ROW_HEIGHT, marks=True)


def _row(entry: Entry, choice: Choice) -> Row:
    verdict = entry.verdict
    warned = (*choice_badges(choice), *badges(entry))
    cells = (entry.name, used(choice), family(verdict), baked_vae(verdict), verdict.dtype or "", entry.size, warned)
    return Row(entry.name, cells)
