"""The page "Library": the VAE files, what each of them is, and how they are related."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import field
from typing import Any

import gradio as gr

from ...errors import InvalidInput
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...library.entry import Entry
from ...library.relation_map import relation_map
from ...precision.plan import AUTO, PINS, Plan, Plans
from ...printable import printable
from ...progress import Progress
from ..shared.file_details import NOTHING_CHOSEN, details, opener
from ..shared.file_table import Badge, Cell, Column, Row, file_table
from ..shared.file_words import badges, file_size, latent_space
from ..shared.messages import message, text_html
from ..shared.scan import LISTED, MOST_RELATED, can_be_related, counted, first_scan, kind_of_file, scan
from ..shared.work_line import WorkLine
from ..workbench import Workbench
from .plan_words import plan_badges, plan_reasons
from .thumbnails import Thumbnails, draw_thumbnails

COLUMNS = (
    Column("", "picture", "52px"),
    Column("Name", width="minmax(120px, 3fr)"),
    Column("Known as", width="minmax(100px, 2fr)", least=690, card=True),
    Column("Latent space", width="104px", filter=True, card=True),
    Column("Architecture", width="minmax(96px, 1fr)", filter=True, least=800),
    Column("Precision", width="68px", filter=True, least=580),
    Column("Size", "size", "64px", least=500),
    Column("Badges", "badges", "minmax(100px, 1fr)", filter=True, least=430, card=True),
)
ROW_HEIGHT = 52
NO_VAE = "No VAE is chosen. Choose one in the table"

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
    pictures: gr.Button
    drawn: gr.HTML
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
                with gr.Column(scale=2, min_width=340, elem_classes="vaewb-side"):
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
            pictures = gr.Button(elem_id="vaewb_library_pictures", elem_classes="vaewb-hidden")
            drawn = gr.HTML(elem_id="vaewb_library_drawn")
        thumbnails = Thumbnails(workbench.library, lambda path: str(table.make_temp_copy_if_needed(path)))
        page = cls(
            workbench, status, scan_button, draw, cancel, table, chosen, shown, tools, title, name_it, hash_it,
            pin, forget, check_it, checked, copies, relations, pictures, drawn, thumbnails,
        )  # fmt: skip
        page._wire(tab)
        return page

    def _wire(self, tab: gr.Tab) -> None:
        panel = [self.details, self.tools, self.title, self.hash_it, self.checked, self.pin]
        line = WorkLine.build(
            self.workbench.jobs,
            "library",
            self.status,
            (self.scan, self.draw, self.hash_it, self.check_it, self.name_it, self.forget),
            self.cancel,
            (self.chosen,),
            self._shown,
            (self.table, self.copies, self.relations, *panel),
        )
        line.wire(self.scan, lambda progress: scan(self.workbench, progress))
        line.wire(self.draw, self._draw)
        line.wire(self.hash_it, self._hash, [self.chosen])
        line.wire(self.check_it, self._check, [self.chosen])
        line.wire(self.name_it, self._name, [self.chosen, self.title])
        line.wire_event(self.title.submit, self._name, [self.chosen, self.title], title=self.name_it.value)
        line.wire_event(self.pin.input, self._pin, [self.chosen, self.pin], title="Precision")
        line.wire(self.forget, self._forget, [self.chosen])
        line.wire_opening(tab, lambda progress: first_scan(self.workbench, progress))
        self.pictures.click(self._drawn, [], [self.drawn], show_progress="hidden", queue=False, api_name=False)
        self.chosen.input(self._details, [self.chosen], panel, show_progress="hidden", queue=False, api_name=False)

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

    def _drawn(self) -> str:
        """The thumbnails that there are, for the script that shows them, and whether more will come."""
        more = self.thumbnails.draw_in_background(self.workbench)
        entries = self.workbench.library.collection().entries
        addresses = self.thumbnails.addresses(entries)
        named = {printable(entry.name): addresses[entry.path] for entry in entries if entry.path in addresses}
        return f"<i hidden data-pictures='{text_html(json.dumps(named))}' data-more='{int(more)}'></i>"

    def _table(self, collection: Collection) -> str:
        entries = [entry for entry in collection.entries if kind_of_file(entry) in LISTED]
        if not entries:
            scanned = self.workbench.library.report is not None
            where = f"<span>Put yours into</span> {text_html(self.workbench.vae_folders())}"
            return message("No VAE files were found.", more=where) if scanned else ""
        pictures = self.thumbnails.addresses(entries)
        rows = [Row(entry.name, self._cells(entry, pictures.get(entry.path, ""))) for entry in entries]
        return file_table("VAE files", COLUMNS, rows, height=ROW_HEIGHT, by=1, cards=True)

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

    def _pin(self, _progress: Progress, name: str, pinned: str) -> str:
        plans, sketch_id, known_as = self._planned(name)
        plans.pin(sketch_id, pinned, known_as)
        return message(f"{name} runs as was learned." if pinned == AUTO else f"{name} is pinned to {pinned}.")

    def _forget(self, _progress: Progress, name: str) -> str:
        plans, sketch_id, _ = self._planned(name)
        plans.clear(sketch_id)
        return message(f"What was learned of {name} is forgotten.")

    def _planned(self, name: str) -> tuple[Plans, str, str | None]:
        entry, plans = self._entry(name), self.workbench.plans
        if entry.verdict.sketch_id is None or plans is None:
            raise InvalidInput(NO_VAE)
        return plans, entry.verdict.sketch_id, entry.verdict.known_as

    def _entry(self, name: str) -> Entry:
        entry = self.workbench.library.collection().by_name(name)
        if entry is None:
            raise InvalidInput(f"{name} is no longer there" if name else NO_VAE)
        return entry

    def _draw(self, progress: Progress) -> str:
        drawn, faults = draw_thumbnails(self.workbench, progress)
        if not (drawn or faults):
            return message("All thumbnails are drawn already.")
        told = message(f"{counted(drawn, 'thumbnail')} drawn.")
        return told + "".join(message(fault, "error") for fault in faults)

    def _hash(self, progress: Progress, name: str) -> str:
        entry = self._entry(name)
        with self.workbench.exclusive(progress):
            self.workbench.library.compute_sha256(entry.path, progress)
        return message(f"The sha256 of {entry.name} is known now.")

    def _check(self, progress: Progress, name: str) -> str:
        from ...library.file_check import check_file
        from .check_words import check_html

        entry = self._entry(name)
        with self.workbench.exclusive(progress):
            found = check_file(entry.path, device=self.workbench.device(), progress=progress)
        self.checks[_version(entry)] = check_html(entry.name, found)
        return message(f"{entry.name} was checked; what was found stands below its details.")

    def _name(self, _progress: Progress, name: str, title: str) -> str:
        entry, title = self._entry(name), title.strip()
        if entry.verdict.sketch_id is None:
            raise InvalidInput(NO_VAE)
        self.workbench.library.entitle(entry.verdict.sketch_id, title or None)
        collection = self.workbench.library.collection()
        if can_be_related(collection):
            _ = collection.relations  # found out here and not where the page waits for an answer
        return message(f"{entry.name} and its copies are called {title}." if title else "The name was taken back.")


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
    title = f"<b>{text_html(known)}</b>: " if known else ""
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
