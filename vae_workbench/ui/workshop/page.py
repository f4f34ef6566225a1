"""The page "Workshop": a file, steps, a name; looked at before it is saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from ...edit.colour_presets import PRESETS
from ...errors import InvalidInput
from ...lazy_dataclass import dataclass
from ...printable import printable
from ...progress import Progress
from ..compare.sources import BUILT_IN, Chosen
from ..compare.sources_panel import hidden_field
from ..shared.messages import message
from ..shared.scan import first_scan
from ..shared.work_line import Outcome, WorkLine
from ..workbench import Workbench
from .files import OFFERS, files_json
from .forms import forms_json
from .look import PIXELS_LOWEST, PIXELS_STEP, Place, faults_of, look, picture_of, tone_base
from .order import FOLDERS, Order, recipe_of
from .save import notes_html, save_order, saved_html

WELCOME = "Choose a file and what is to be done with it. The file itself is never changed."
FOLDER_TITLES = {"vae": "VAE folder", "checkpoint": "checkpoint folder"}

RESULTS = "<p class='vaewb-note' hidden></p><vaewb-viewer hidden></vaewb-viewer>"
"""Before and after; above them, that the recipe was changed since."""

ORDER = "async (text) => [await vaewbWorkshop.order()]"
"""JavaScript of the buttons: it tells what was chosen."""


@dataclass(frozen=True)
class WorkshopPage:
    """The components of the page and what they do. Build it inside a ``gr.Blocks``.

    Attributes:
        shown: the recipe, as the script draws it.
        order: hidden; its place among the inputs of a handler is filled in by the script.
        base: hidden; the script writes into it for which recipe it needs what a change of colours begins with.
    """

    workbench: Workbench
    look: gr.Button
    save: gr.Button
    attempt: gr.Button
    try_on: gr.Button
    take_off: gr.Button
    cancel: gr.Button
    status: gr.HTML
    shown: gr.HTML
    order: gr.Textbox
    base: gr.Textbox
    base_status: gr.HTML
    base_cancel: gr.Button

    @classmethod
    def build(cls, workbench: Workbench, tab: gr.Tab) -> WorkshopPage:
        """Lays out the page and connects it; it is brought up to date whenever its tab is opened."""
        with gr.Column(elem_id="vaewb_workshop", elem_classes="vaewb-files"):
            with gr.Row(elem_id="vaewb_workshop_go"):
                looking = gr.Button("Look before saving", elem_id="vaewb_workshop_look_at", scale=0)
                save = gr.Button("Save", variant="primary", elem_id="vaewb_workshop_save", scale=0)
                attempt = gr.Button("Try without writing", elem_id="vaewb_workshop_try", scale=0)
                try_on = gr.Button(
                    "Try it on for the next picture",
                    visible=workbench.try_on is not None,
                    elem_id="vaewb_workshop_try_on",
                    scale=0,
                )
                take_off = gr.Button(
                    "Take it off", visible=workbench.take_off is not None, elem_id="vaewb_workshop_take_off", scale=0
                )
                cancel = gr.Button("Cancel", interactive=False, elem_id="vaewb_workshop_cancel", scale=0)
                status = gr.HTML(message(WELCOME), elem_id="vaewb_workshop_status")
            with gr.Row(elem_id="vaewb_workshop_parts"):
                with gr.Column(scale=1, min_width=320, elem_id="vaewb_workshop_inputs"):
                    shown = gr.HTML(_recipe(workbench), elem_id="vaewb_workshop_recipe")
                with gr.Column(scale=2, min_width=320, elem_id="vaewb_workshop_outputs"):
                    gr.HTML(_tone())
                    with gr.Row(elem_id="vaewb_tone_line"):
                        base_status = gr.HTML(elem_id="vaewb_tone_status")
                        base_cancel = gr.Button(
                            "Cancel", size="sm", interactive=False, elem_id="vaewb_tone_cancel", scale=0
                        )
                    gr.HTML(RESULTS, elem_id="vaewb_workshop_results")
            order, base = map(hidden_field, ("vaewb_workshop_order", "vaewb_tone_base"))
        page = cls(
            workbench, looking, save, attempt, try_on, take_off,
            cancel, status, shown, order, base, base_status, base_cancel,
        )  # fmt: skip
        page._wire(tab)
        return page

    def _wire(self, tab: gr.Tab) -> None:
        jobs = self.workbench.jobs
        line = WorkLine.build(
            jobs,
            "workshop",
            self.status,
            (self.look, self.save, self.attempt, self.try_on, self.take_off),
            self.cancel,
            (),
            lambda: [_recipe(self.workbench)],
            (self.shown,),
            cancelled="Cancelled. Nothing was written.",
        )
        line.wire(self.look, self._look, [self.order], script=ORDER)
        line.wire(self.save, self._save, [self.order], script=ORDER)
        line.wire(self.attempt, self._try, [self.order], script=ORDER)
        if self.workbench.try_on is not None:
            line.wire(self.try_on, self._try_on, [self.order], script=ORDER)
        if self.workbench.take_off is not None:
            line.wire(self.take_off, self._take_off)
        line.wire_opening(tab, self._opened)
        tone = WorkLine.build(
            jobs, "tone", self.base_status, (), self.base_cancel, (), list, (), cancelled="The preview was cancelled."
        )
        tone.wire_event(self.base.input, self._tone_base, [self.base], title="Preview")

    def _opened(self, progress: Progress) -> str:
        first_scan(self.workbench, progress)
        return message(WELCOME)

    def _look(self, progress: Progress, text: str) -> Outcome:
        order, place, _ = self._told(text)
        notes = look(self.workbench, order, place, self.workbench.library.collection(), progress)
        shown = f"<i hidden data-vaewb-looked='{place.comparison_id}'></i>"
        said = message("Before and after are shown. Nothing was written.", more=shown)
        return Outcome(said + notes_html(notes), [gr.update()])

    def _save(self, progress: Progress, text: str) -> str:
        order, _, _ = self._told(text)
        saved = save_order(self.workbench, order, self.workbench.library.collection(), progress)
        return saved_html(self.workbench, order, saved)

    def _try(self, progress: Progress, text: str) -> Outcome:
        order = replace(self._told(text)[0], dry_run=True)
        saved = save_order(self.workbench, order, self.workbench.library.collection(), progress)
        return Outcome(saved_html(self.workbench, order, saved), [gr.update()])

    def _try_on(self, progress: Progress, text: str) -> Outcome:
        assert self.workbench.try_on is not None
        recipe = recipe_of(self._told(text)[0], self.workbench.library.collection(), progress)
        return Outcome(message(self.workbench.try_on(recipe, progress)), [gr.update()])

    def _take_off(self, _progress: Progress) -> Outcome:
        assert self.workbench.take_off is not None
        return Outcome(message(self.workbench.take_off()), [gr.update()])

    def _tone_base(self, progress: Progress, text: str) -> Outcome:
        order, place, key = self._told(text)
        found = self.workbench.library.collection()
        name = tone_base(self.workbench, order, place, found, progress)
        made = {
            "key": key,
            "file": name,
            "comparison": place.comparison_id,
            "source": order.source,
            "faults": faults_of(order, found),
        }
        return Outcome(f"<i hidden data-vaewb-base='{escape(json.dumps(made), quote=True)}'></i>", [])

    def _told(self, text: str) -> tuple[Order, Place, str]:
        """As :func:`told`, with pictures of a person's own for the steps."""
        order, place, key = told(text)
        return replace(order, picture=partial(picture_of, self.workbench, place.chosen_in)), place, key


def told(text: str) -> tuple[Order, Place, str]:
    """What the script tells: the order, where to show what it does, and the script's own key for it.

    Raises:
        InvalidInput: it is something else.
    """
    try:
        given: Mapping[str, Any] = json.loads(text)
        picture = given["picture"]
        chosen = Chosen(str(picture["kind"]), str(picture["id"]), printable(str(picture["name"])))
        order = Order(
            str(given["source"]),
            list(given["steps"]),
            str(given["name"]),
            str(given["folder"]),
            bool(given["overwrite"]),
        )
        place = Place(str(given["comparison"]), chosen, str(given["pictures"]))
        return order, place, str(given.get("key", ""))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInput("The recipe did not arrive", "Load the page anew") from error


def _recipe(workbench: Workbench) -> str:
    folders = workbench.target_folders()
    given = {
        "files": files_json(workbench),
        "forms": forms_json(),
        "offers": OFFERS,
        "presets": PRESETS,
        "pictures": BUILT_IN,
        "folders": [
            {"id": name, "title": FOLDER_TITLES[name], "path": str(folders[name])}
            for name in FOLDERS
            if name in folders
        ],
    }
    return _element("vaewb-recipe", given)


def _tone() -> str:
    return _element("vaewb-tone", {"step": PIXELS_STEP, "lowest": PIXELS_LOWEST}, " hidden")


def _element(name: str, given: Mapping[str, object], more: str = "") -> str:
    data = escape(json.dumps(_printable(given), ensure_ascii=False, separators=(",", ":")), quote=True)
    return f"<{name} data-given='{data}'{more}></{name}>"


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, Sequence) else value
