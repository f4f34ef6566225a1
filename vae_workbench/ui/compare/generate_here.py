"""Pictures made anew from their infotexts, once for each checkpoint chosen, and compared: prompts × checkpoints × VAEs."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import gradio as gr

from ...errors import Cancelled, InvalidInput, sentence_of
from ...lazy_dataclass import dataclass
from ...printable import printable
from ...progress import Progress, part
from ..workbench import Generate, Workbench
from .sources import source_of, told
from .sources_panel import hidden_field

logger = logging.getLogger("vae_workbench")

IN_USE = "the one in use"


@dataclass(frozen=True)
class Prompt:
    """What a picture is made from: the name of the source that it is of, and an infotext, which a person may have changed."""

    name: str
    infotext: str


@dataclass(frozen=True)
class GenerateHere:
    """The components of the panel. Build it inside a ``gr.Blocks``.

    Attributes:
        panel: all of it, hidden where no pictures are made.
        prompts: hidden; its place among the inputs of a handler is filled in by ``javascript/vae_workbench_prompts.js``.
        checkpoints: names of those chosen.
        run: makes the pictures and compares.
        made: hidden; tells the page's script which sources came of it.
    """

    workbench: Workbench
    panel: gr.Accordion
    prompts: gr.Textbox
    checkpoints: gr.Dropdown
    refresh: gr.Button
    run: gr.Button
    made: gr.Textbox

    @classmethod
    def build(cls, workbench: Workbench) -> GenerateHere:
        """Lays out the panel."""
        able = workbench.generate is not None
        with gr.Accordion("Generate here", open=False, visible=able, elem_id="vaewb_generate_here") as panel:
            gr.HTML("<vaewb-prompts></vaewb-prompts>")
            checkpoints = gr.Dropdown(
                _names(workbench),
                value=[IN_USE],
                multiselect=True,
                label="Checkpoints",
                info="Each makes every picture once; then the VAEs chosen below decode them.",
                elem_id="vaewb_generate_checkpoints",
            )
            with gr.Row(elem_id="vaewb_generate_tools"):
                run = gr.Button("Generate and compare", size="sm", elem_id="vaewb_generate")
                refresh = gr.Button("Refresh the list", size="sm", elem_id="vaewb_generate_refresh")
        prompts, made = map(hidden_field, ("vaewb_prompts", "vaewb_generated"))
        return cls(workbench, panel, prompts, checkpoints, refresh, run, made)

    def wire(self) -> None:
        """Connects what starts no work."""
        plain: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_name": False}
        self.refresh.click(lambda: gr.update(choices=_names(self.workbench)), None, [self.checkpoints], **plain)
        self.made.change(
            None, [self.made], None, _js="(text) => { vaewbSources.generated(text); return []; }", api_name=False
        )


@dataclass
class GeneratedHere:
    """What came of one order.

    Attributes:
        items: the sources that were made, as the page's script has them, by prompt and then by checkpoint.
        complaints: sentences on those that could not be made.
    """

    items: list[Mapping[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def make(
        self,
        workbench: Workbench,
        progress: Progress,
        comparison_id: str,
        prompts: Sequence[Prompt],
        checkpoints: Sequence[str],
    ) -> None:
        """Makes a source of every prompt with every checkpoint, and adds each to what a comparison will be made of.

        One that fails fails alone. A checkpoint makes all of its pictures before the next one is loaded.

        Raises:
            InvalidInput: no prompt or no checkpoint was chosen, or no pictures can be made here.
            Cancelled: passed on from ``progress``; what was made until then is kept.
        """
        generate = workbench.generate
        if generate is None:
            raise InvalidInput("No pictures can be made here")
        if not prompts:
            raise InvalidInput(
                "None of the pictures chosen says how it was made", "Choose a generation, or a picture with an infotext"
            )
        if not checkpoints:
            raise InvalidInput("No checkpoint was chosen", "Choose one or more")
        paths = {IN_USE: "", **_paths(workbench)}
        tasks = [(checkpoint, number) for checkpoint in checkpoints for number in range(len(prompts))]
        made: list[tuple[int, Mapping[str, Any]]] = []
        try:
            for done, (checkpoint, number) in enumerate(tasks):
                prompt = prompts[number]
                watched = part(progress, done / len(tasks), (done + 1) / len(tasks), f"{prompt.name}: ")
                try:
                    if checkpoint not in paths:
                        raise InvalidInput(f"{checkpoint} is no longer there", "Refresh the list and choose again")
                    made.append((number, _made(workbench, generate, watched, comparison_id, prompt, paths[checkpoint])))
                except Cancelled:
                    raise
                except Exception as error:  # noqa: BLE001  # one checkpoint fails alone
                    logger.debug("", exc_info=error)
                    self.complaints.append(f"{prompt.name} with {checkpoint}: {sentence_of(error)}")
        finally:
            self.items += [item for _, item in sorted(made, key=lambda numbered: numbered[0])]

    def told(self, comparison_id: str) -> str:
        """The same for the page's script. Two times the same is told as two."""
        return json.dumps({"comparison": comparison_id, "items": self.items, "number": time.monotonic_ns()})


def prompts_from(text: str) -> list[Prompt]:
    """What ``javascript/vae_workbench_prompts.js`` tells, without those that a person has emptied.

    Raises:
        InvalidInput: it is something else.
    """
    try:
        found = [Prompt(printable(str(item["name"])), str(item["infotext"]).strip()) for item in json.loads(text)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInput("The prompts did not arrive", "Load the page anew") from error
    return [prompt for prompt in found if prompt.infotext]


def _made(
    workbench: Workbench, generate: Generate, progress: Progress, comparison_id: str, prompt: Prompt, checkpoint: str
) -> Mapping[str, Any]:
    from ...compare.sources.sources import keep_source

    generation = generate(prompt.infotext, checkpoint, progress)
    source = source_of(generation, printable(f"{prompt.name} · {generation.checkpoint}"))
    folder = workbench.comparisons.added(comparison_id)
    if source.record.id not in folder.sources:
        keep_source(folder, source)
    return told(source.record)


def _paths(workbench: Workbench) -> dict[str, str]:
    return {printable(checkpoint.name): str(checkpoint.path) for checkpoint in workbench.list_checkpoints()}


def _names(workbench: Workbench) -> list[str]:
    return [IN_USE, *_paths(workbench)]
