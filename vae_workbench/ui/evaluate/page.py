"""The page "Evaluate": a folder of pictures and some VAEs in, which of them is closer to the pictures out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...errors import Cancelled, InvalidInput, UnwritableTarget
from ...lazy_dataclass import dataclass
from ...progress import Progress
from ..compare.sources_panel import hidden_field
from ..compare.vae_choices import candidates, vae_choices
from ..compare.vae_picker import OWN_ENCODER, names_from
from ..shared.messages import message
from ..shared.work_line import Outcome, WorkLine
from ..workbench import Workbench
from .evaluations import KeptEvaluation
from .order import Named, Order
from .picture_folders import BUILT_IN, built_in_folder, picture_folders
from .run import evaluate

if TYPE_CHECKING:
    from ...evaluate.job import Precision

# The networks and what shows the results are imported when the page is opened, so that a web UI starts without them.

WELCOME = "Choose a folder of pictures and some VAEs, then evaluate."
STOPPED = "Stopped. What was done until then is kept: go on with it whenever you want."
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")
CROPS = {
    "the middle, scaled down until it fits": "center",
    "a window of the picture's own pixels, at random": "random",
}
SAMPLE = "Pictures that are drawn at random; 0: all of them. The more, the narrower the intervals."
BEGIN = "async (pictures, vaes, ...others) => [pictures, await vaewbPicker.chosen(), ...others]"
"""JavaScript of the button: it tells which VAEs were chosen."""


@dataclass(frozen=True)
class EvaluatePage:
    """The components of the page and what they do. Build it inside a ``gr.Blocks``.

    Attributes:
        vaes: hidden; its place among the inputs of a handler is filled in by the script.
        order: hidden; the script writes into it which evaluation is to be gone on with.
        shown: hidden; the id of the evaluation that is shown, empty for the newest.
        removed: hidden; the script writes into it which evaluation is to be removed.
        running: ids of those that are computed just now.
    """

    workbench: Workbench
    start: gr.Button
    cancel: gr.Button
    status: gr.HTML
    pictures: gr.Dropdown
    vaes: gr.Textbox
    encoder: gr.Dropdown
    size: gr.Slider
    crop: gr.Radio
    sample: gr.Number
    precisions: gr.CheckboxGroup
    warned: gr.HTML
    results: gr.HTML
    before: gr.HTML
    order: gr.Textbox
    shown: gr.Textbox
    removed: gr.Textbox
    running: set[str] = field(default_factory=set)

    @classmethod
    def build(cls, workbench: Workbench, tab: gr.Tab) -> EvaluatePage:
        """Lays out the page and connects it; it is brought up to date whenever its tab is opened."""
        with gr.Column(elem_id="vaewb_evaluate", elem_classes="vaewb-files"):
            with gr.Row(elem_id="vaewb_evaluate_go"):
                start = gr.Button("Evaluate", variant="primary", elem_id="vaewb_evaluate_start", scale=0)
                cancel = gr.Button("Stop", interactive=False, elem_id="vaewb_evaluate_cancel", scale=0)
                status = gr.HTML(message(WELCOME), elem_id="vaewb_evaluate_status")
            with gr.Row(elem_id="vaewb_evaluate_parts"):
                with gr.Column(scale=1, min_width=320, elem_id="vaewb_evaluate_inputs"):
                    pictures = gr.Dropdown(
                        [BUILT_IN],
                        value=BUILT_IN,
                        label="Pictures",
                        info=workbench.picture_hint,
                        elem_id="vaewb_evaluate_pictures",
                    )
                    gr.HTML("<div id='vaewb_evaluate_vaes'></div>")
                    vaes = hidden_field("vaewb_evaluate_chosen")
                    with gr.Accordion("Options", open=False, elem_id="vaewb_evaluate_options"):
                        sample = gr.Number(
                            200, precision=0, label="Sample", info=SAMPLE, elem_id="vaewb_evaluate_sample"
                        )
                        size = gr.Slider(64, 1024, 256, step=64, label="Size", elem_id="vaewb_evaluate_size")
                        crop = gr.Radio(list(CROPS), value=next(iter(CROPS)), label="What is taken of a picture")
                        precisions = gr.CheckboxGroup(
                            list(PRECISIONS), value=["fp32"], label="Precision", elem_id="vaewb_evaluate_precisions"
                        )
                        warned = gr.HTML()
                        encoder = gr.Dropdown([OWN_ENCODER], value=OWN_ENCODER, label="Encoder")
                with gr.Column(scale=3, min_width=480, elem_id="vaewb_evaluate_outputs"):
                    results = gr.HTML(elem_id="vaewb_evaluate_results")
                    before = gr.HTML(elem_id="vaewb_evaluate_before")
            order = gr.Textbox(elem_classes="vaewb-hidden vaewb-order", show_label=False, container=False)
            shown, removed = map(hidden_field, ("vaewb_evaluate_shown", "vaewb_evaluate_removed"))
        page = cls(
            workbench, start, cancel, status, pictures, vaes, encoder, size, crop, sample, precisions, warned, results,
            before, order, shown, removed,
        )  # fmt: skip
        page._wire(tab)
        return page

    def _wire(self, tab: gr.Tab) -> None:
        outputs = [self.results, self.before, self.pictures, self.encoder, self.shown]
        line = WorkLine.build(
            self.workbench.jobs,
            "evaluate",
            self.status,
            (self.start,),
            self.cancel,
            (self.shown,),
            self._values,
            outputs,
        )
        inputs = [
            self.pictures, self.vaes, self.encoder, self.size, self.crop, self.sample, self.precisions,
        ]  # fmt: skip
        line.wire(self.start, self._start, inputs, script=BEGIN)
        line.wire_event(self.order.input, self._go_on, [self.order], title="Evaluation")
        line.wire_opening(tab, lambda _progress: message(WELCOME))
        plain: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_name": False}
        self.shown.input(self._values, [self.shown], outputs, **plain)
        self.removed.input(self._remove, [self.removed, self.shown], outputs, **plain)
        self.precisions.change(self._warned, [self.precisions], [self.warned], **plain)

    def _start(self, progress: Progress, *values: Any) -> Outcome:
        order = self._ordered(*values)
        evaluations = self.workbench.evaluations
        return self._evaluated(evaluations.unfinished(order) or evaluations.add(order), progress)

    def _go_on(self, progress: Progress, text: str) -> Outcome:
        try:
            evaluation_id = str(json.loads(text)["id"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput("The order did not arrive", "Load the page anew") from error
        return self._evaluated(self.workbench.evaluations.get(evaluation_id), progress)

    def _evaluated(self, kept: KeptEvaluation, progress: Progress) -> Outcome:
        if kept.id in self.running:
            raise InvalidInput("This evaluation is under way already", "Wait until it is done")
        self.running.add(kept.id)
        try:
            summary = evaluate(self.workbench, kept, progress)
            done = f"{summary.pictures - summary.broken:,} pictures were evaluated."
            told = message(done, "warning" if summary.unusable or summary.broken else "info")
        except Cancelled:
            told = message(STOPPED)
        finally:
            self.running.discard(kept.id)
        return Outcome(told, self._values(kept.id))

    def _ordered(
        self,
        pictures: str,
        vaes: str,
        encoder: str,
        size: float,
        crop: str,
        sample: float | None,
        precisions: Sequence[Precision],
    ) -> Order:
        known = {candidate.name: str(candidate.path) for candidate in candidates(self.workbench)}

        def named(name: str) -> Named:
            if name not in known:
                raise InvalidInput(f"{name} is no longer there", "Refresh the list and choose again")
            return name, known[name]

        chosen = tuple(map(named, names_from(vaes)))
        if not chosen:
            raise InvalidInput("No VAE was chosen", "Choose one or more")
        if not precisions:
            raise InvalidInput("No precision was chosen", "Choose one or more")
        return Order(
            pictures=pictures,
            folder=str(self._folder(pictures)),
            vaes=chosen,
            encoder=None if encoder == OWN_ENCODER else named(encoder),
            size=int(size),
            crop="random" if CROPS.get(crop) == "random" else "center",
            sample=max(0, int(sample or 0)) or None,
            precisions=tuple(precision for precision in PRECISIONS if precision in precisions),
        )

    def _folder(self, pictures: str) -> Path:
        """The folder of this name. A browser can name those alone that are in the list."""
        if pictures == BUILT_IN:
            folder = self.workbench.evaluations.folder / "built-in"
            try:
                return built_in_folder(folder)
            except OSError as error:
                raise UnwritableTarget(
                    folder, f"The built-in pictures cannot be written: {error.strerror or error}", "Free some space"
                ) from error
        folders = self._folders()
        if pictures not in folders:
            raise InvalidInput(f"The folder {pictures} is no longer there", "Choose another one")
        return folders[pictures]

    def _folders(self) -> Mapping[str, Path]:
        return picture_folders(self.workbench.picture_folders())

    def _values(self, shown: str) -> Sequence[Any]:
        """New values for all that the page shows."""
        from .shown import EMPTY, list_html, results_html

        bench = self.workbench
        all_kept = bench.evaluations.all()
        wanted = [kept for kept in all_kept if kept.id == shown] or all_kept[:1]
        found = vae_choices(candidates(bench), bench.library.collection(), bench.checkpoint())
        encoders = [choice.name for choice in found if choice.group != "unusable" and choice.encodes]
        return [
            results_html(wanted[0], wanted[0].id in self.running) if wanted else EMPTY,
            list_html(all_kept, wanted[0].id if wanted else "", self.running),
            gr.update(choices=[BUILT_IN, *self._folders()]),
            gr.update(choices=[OWN_ENCODER, *encoders]),
            wanted[0].id if wanted else "",
        ]

    def _remove(self, evaluation_id: str, shown: str) -> Sequence[Any]:
        if evaluation_id not in self.running:
            self.workbench.evaluations.remove(evaluation_id)
        return self._values(shown)

    def _warned(self, precisions: Any) -> str:  # gradio reads the types of its handlers
        from ...compare.decoding.settings import fp16_warning

        warnings = (fp16_warning(self.workbench.device(), precision) for precision in precisions)
        return "".join(message(warning, "warning") for warning in warnings if warning)
