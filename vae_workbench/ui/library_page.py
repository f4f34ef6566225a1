"""The page "Library": the VAE files, what each of them is, and how they are related."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr

from ..errors import WorkbenchError
from ..library.collection import Collection, is_vae
from ..library.entry import Entry
from ..library.relation_map import relation_map
from ..precision.plan import AUTO, PINS, Plan, Plans
from ..progress import Progress
from .file_details import NOTHING_CHOSEN, details, opener
from .file_table import Badge, Cell, Column, Row, file_table
from .file_words import badges, file_size, latent_space
from .messages import message
from .plan_words import plan_badges, plan_reasons
from .scan import MOST_RELATED, can_be_related, counted, first_scan, scan
from .thumbnails import Thumbnails, draw_thumbnails
from .work_line import WorkLine
from .workbench import Workbench

COLUMNS = (
    Column("", "picture", "52px"),
    Column("Name", width="minmax(110px, 3fr)"),
    Column("Known as", width="minmax(100px, 2fr)", least=620),
    Column("Latent space", width="104px", filter=True),
    Column("Architecture", width="minmax(96px, 1fr)", filter=True, least=720),
    Column("Precision", width="68px", filter=True, least=560),
    Column("Size", "size", "64px", least=480),
    Column("Badges", "badges", "minmax(76px, 1fr)", filter=True, least=400),
)
ROW_HEIGHT = 52

Update = Sequence[Any]
Version = tuple[str, int, int]
"""Path, size and time of change of a file."""


@dataclass(frozen=True)
class LibraryPage:
    """The components of the page and what they do. Build it inside a ``gr.Blocks``."""

    workbench: Workbench
    status: gr.HTML
    scan: gr.Button
    draw: gr.Button
    cancel: gr.Button
    table: gr.HTML
    chosen: gr.Textbox
    details: gr.HTML
    tools: gr.Column
    title: gr.Textbox
    name_it: gr.Button
    hash_it: gr.Button
    pin: gr.Radio
    forget: gr.Button
    check_it: gr.Button
    checked: gr.HTML
    copies: gr.HTML
    relations: gr.HTML
    job: gr.State
    thumbnails: Thumbnails
    checks: dict[Version, str] = field(default_factory=dict)

    @classmethod
    def build(cls, workbench: Workbench, tab: gr.Tab) -> LibraryPage:
        """Lays out the page and connects it; it is brought up to date whenever its tab is opened."""
        with gr.Column(elem_id="vaewb_library", elem_classes="vaewb-files"):
            with gr.Row(elem_classes="vaewb-bar"):
                status = gr.HTML(elem_id="vaewb_library_status")
                scan_button = gr.Button("Scan", size="sm", elem_id="vaewb_library_scan")
                draw = gr.Button("Draw thumbnails", size="sm", elem_id="vaewb_library_draw")
                cancel = gr.Button("Cancel", size="sm", interactive=False, elem_id="vaewb_library_cancel")
            with gr.Row():
                with gr.Column(scale=3, min_width=480):
                    table = gr.HTML(elem_id="vaewb_library_table")
                with gr.Column(scale=2, min_width=340):
                    chosen = gr.Textbox(elem_classes="vaewb-chosen", show_label=False, container=False)
                    shown = gr.HTML(NOTHING_CHOSEN, elem_id="vaewb_library_details")
                    with gr.Column(visible=False, elem_id="vaewb_library_tools") as tools:
                        title = gr.Textbox(
                            label="Name it by hand",
                            info="All its copies get this name too. Leave it empty to take the name back.",
                            max_lines=1,
                            elem_id="vaewb_library_title",
                        )
                        with gr.Row():
                            name_it = gr.Button("Save the name", size="sm", elem_id="vaewb_library_name_it")
                            hash_it = gr.Button("Compute sha256", size="sm", elem_id="vaewb_library_hash_it")
                        with gr.Column(visible=workbench.plans is not None):
                            pin = gr.Radio(
                                list(PINS),
                                label="Precision",
                                info="auto is what was learned of this VAE; another choice is kept for it alone.",
                                elem_id="vaewb_library_pin",
                            )
                            forget = gr.Button("Forget what was learned", size="sm", elem_id="vaewb_library_forget")
                        check_it = gr.Button("Check in fp16", size="sm", elem_id="vaewb_library_check_it")
                        checked = gr.HTML(elem_id="vaewb_library_checked")
            copies = gr.HTML(elem_id="vaewb_library_copies")
            relations = gr.HTML(elem_id="vaewb_library_map")
        thumbnails = Thumbnails(workbench.library, lambda path: str(table.make_temp_copy_if_needed(path)))
        page = cls(
            workbench, status, scan_button, draw, cancel, table, chosen, shown, tools, title, name_it, hash_it,
            pin, forget, check_it, checked, copies, relations, gr.State(), thumbnails,
        )  # fmt: skip
        page._wire(tab)
        return page

    def _wire(self, tab: gr.Tab) -> None:
        panel = [self.details, self.tools, self.title, self.hash_it, self.checked, self.pin]
        lists = [self.table, self.copies, self.relations]
        line = WorkLine(
            self.workbench.live,
            self.status,
            (self.scan, self.draw, self.hash_it, self.check_it),
            self.cancel,
            self.job,
            self._shown,
            [*lists, *panel],
        )
        line.wire(self.scan, lambda progress: scan(self.workbench, progress), [], [self.chosen])
        line.wire(self.draw, self._draw, [], [self.chosen])
        line.wire(self.hash_it, self._hash, [self.chosen], [self.chosen])
        line.wire(self.check_it, self._check, [self.chosen], [self.chosen])
        line.wire_cancel()
        self.chosen.input(self._details, [self.chosen], panel, show_progress="hidden", queue=False, api_name=False)
        for given in (self.name_it.click, self.title.submit):
            given(
                self._name,
                [self.chosen, self.title],
                [self.status, *lists, *panel],
                show_progress="hidden",
                queue=False,
                api_name=False,
            )
        changed = {
            "outputs": [self.status, *lists, *panel],
            "show_progress": "hidden",
            "queue": False,
            "api_name": False,
        }
        self.pin.input(self._pin, [self.chosen, self.pin], **changed)
        self.forget.click(self._forget, [self.chosen], **changed)
        line.wire_opening(tab, lambda progress: first_scan(self.workbench, progress), [self.chosen])

    def _shown(self, name: str) -> Update:
        """New values for the lists and the panel."""
        collection = self.workbench.library.collection()
        details, tools, _, *rest = self._details(name)
        return [self._table(collection), *_relations(collection), details, tools, gr.update(), *rest]

    def _details(self, name: str) -> Update:
        """New values for the panel: details, tools, title, button for the sha256, check, precision."""
        entry = self.workbench.library.collection().by_name(name)
        if entry is None:
            return self._nothing(message(f"{name} is no longer there.") if name else NOTHING_CHOSEN)
        plan = self._plan(entry)
        return [
            details(entry, self._badges(entry), self.thumbnails.addresses([entry]).get(entry.path), plan_reasons(plan)),
            gr.update(visible=entry.verdict.sketch_id is not None),
            entry.verdict.known_as or "",
            gr.update(visible=entry.sha256 is None),
            self.checks.get(_version(entry), ""),
            plan.pinned,
        ]

    def _nothing(self, why: str = NOTHING_CHOSEN) -> Update:
        return [why, gr.update(visible=False), gr.update(), gr.update(), "", gr.update()]

    def _table(self, collection: Collection) -> str:
        entries = [entry for entry in collection.entries if is_vae(entry) or entry.verdict.kind == "broken"]
        if not entries:
            scanned = self.workbench.library.report is not None
            return message(f"No VAE files were found in {self.workbench.vae_folders()}.") if scanned else ""
        pictures = self.thumbnails.addresses(entries)
        rows = [Row(entry.name, self._cells(entry, pictures.get(entry.path, ""))) for entry in entries]
        return file_table("VAE files", COLUMNS, rows, height=ROW_HEIGHT, by=1)

    def _cells(self, entry: Entry, picture: str) -> Sequence[Cell]:
        verdict = entry.verdict
        return (
            picture,
            entry.name,
            verdict.known_as or "",
            latent_space(verdict),
            verdict.architecture or "",
            verdict.dtype or "",
            entry.size,
            self._badges(entry),
        )

    def _badges(self, entry: Entry) -> tuple[Badge, ...]:
        return (*badges(entry), *plan_badges(self._plan(entry)))

    def _plan(self, entry: Entry) -> Plan:
        plans, sketch_id = self.workbench.plans, entry.verdict.sketch_id
        return plans.of(sketch_id, entry.verdict.known_as) if plans and sketch_id else Plan()

    def _pin(self, name: str, pinned: str) -> Update:
        def change(plans: Plans, sketch_id: str, known_as: str | None) -> str:
            plans.pin(sketch_id, pinned, known_as)
            return f"{name} runs as was learned." if pinned == AUTO else f"{name} is pinned to {pinned}."

        return self._planned(name, change)

    def _forget(self, name: str) -> Update:
        def change(plans: Plans, sketch_id: str, _known_as: str | None) -> str:
            plans.clear(sketch_id)
            return f"What was learned of {name} is forgotten."

        return self._planned(name, change)

    def _planned(self, name: str, change: Callable[[Plans, str, str | None], str]) -> Update:
        try:
            entry = self.workbench.library.collection().by_name(name)
            if entry is None or entry.verdict.sketch_id is None or self.workbench.plans is None:
                told = message("Choose a VAE first.", "error")
            else:
                told = message(change(self.workbench.plans, entry.verdict.sketch_id, entry.verdict.known_as))
        except WorkbenchError as error:
            told = message(str(error), "error")
        return [told, *self._shown(name)]

    def _draw(self, progress: Progress) -> str:
        drawn, faults = draw_thumbnails(self.workbench, progress)
        if not (drawn or faults):
            return message("All thumbnails are drawn already.")
        told = message(f"{counted(drawn, 'thumbnail')} drawn.")
        return told + "".join(message(fault, "error") for fault in faults)

    def _hash(self, progress: Progress, name: str) -> str:
        entry = self.workbench.library.collection().by_name(name)
        if entry is None:
            return message("Choose a file first.", "error")
        with self.workbench.exclusive(progress):
            self.workbench.library.compute_sha256(entry.path, progress)
        return message(f"The sha256 of {entry.name} is known now.")

    def _check(self, progress: Progress, name: str) -> str:
        from ..library.file_check import check_file
        from .check_words import check_html

        entry = self.workbench.library.collection().by_name(name)
        if entry is None:
            return message("Choose a file first.", "error")
        with self.workbench.exclusive(progress):
            found = check_file(entry.path, device=self.workbench.device(), progress=progress)
        self.checks[_version(entry)] = check_html(entry.name, found)
        return message(f"{entry.name} was checked; what was found stands below its details.")

    def _name(self, name: str, title: str) -> Update:
        try:
            entry = self.workbench.library.collection().by_name(name)
            if entry is None or entry.verdict.sketch_id is None:
                told = message("Choose a VAE first.", "error")
            else:
                self.workbench.library.entitle(entry.verdict.sketch_id, title.strip() or None)
                told = message(
                    f"{entry.name} and its copies are called {title.strip()}."
                    if title.strip()
                    else "The name was taken back."
                )
        except WorkbenchError as error:
            told = message(str(error), "error")
        return [told, *self._shown(name)]


def _version(entry: Entry) -> Version:
    return entry.path, entry.size, entry.mtime_ns


def _relations(collection: Collection) -> tuple[str, str]:
    """Groups of copies, and the map."""
    if not can_be_related(collection):
        note = f"They are found out for up to {MOST_RELATED} VAEs; the details tell the nearest relatives of each."
        return "", _section("Relations", f"<p class='vaewb-note'>{note}</p>")
    vaes, relations = collection.relations
    groups = [[vaes[place] for place in group] for group in relations.groups if len(group) > 1]
    drawn = relation_map(vaes, relations)
    strangers = [vaes[place] for place in drawn.strangers]
    return _copies(groups), _map(drawn.svg, strangers)


def _copies(groups: Sequence[Sequence[Entry]]) -> str:
    if not groups:
        return ""
    told = "".join(f"<li>{_group(group)}</li>" for group in groups)
    note = "Files of a group hold the same VAE, in another container, naming or precision."
    return _section("Copies", f"<p class='vaewb-note'>{note}</p><ul class='vaewb-groups'>{told}</ul>")


def _group(group: Sequence[Entry]) -> str:
    known = next((entry.verdict.known_as for entry in group if entry.verdict.known_as), None)
    title = f"<b>{escape(known)}</b>: " if known else ""
    files = (f"{opener(entry.name)} <small>{entry.verdict.dtype}, {file_size(entry.size)}</small>" for entry in group)
    return title + " = ".join(files)


def _map(svg: str, strangers: Sequence[Entry]) -> str:
    if not svg:
        return ""
    alone = " · ".join(opener(entry.name, entry.verdict.known_as) for entry in strangers)
    rest = f"<p class='vaewb-note'>Without relatives here: {alone}</p>" if alone else ""
    return _section("Relations", f"<div class='vaewb-map-view' tabindex='0'>{svg}</div>{rest}")


def _section(title: str, html: str) -> str:
    return f"<details class='vaewb-section' open><summary>{title}</summary>{html}</details>"
