"""The page "Compare": pictures and some VAEs in, what each makes of them out, in the viewer."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from ...autoencoder.latent_space import LATENT_SPACES
from ...compare.decoding.candidate import Candidate
from ...compare.sources.picture import DEFAULT_LONGEST_SIDE, RULE
from ...errors import Cancelled, InvalidInput, WorkbenchError
from ...lazy_dataclass import dataclass
from ...progress import Progress, part
from ..shared.messages import message
from ..shared.scan import counted
from ..shared.work_line import Outcome, WorkLine
from ..workbench import Workbench
from .cell_actions import comparison_of, offered, wire_actions
from .comparisons import FIRST
from .generate_here import GeneratedHere, GenerateHere, prompts_from
from .sources import chosen_from, gather
from .sources_panel import SourcesPanel, hidden_field
from .vae_choices import candidates
from .vae_picker import OWN_ENCODER, VaePicker, names_from
from .views import MADE, OWN_PAIRS, PAIRINGS, make_view

logger = logging.getLogger("vae_workbench")

if TYPE_CHECKING:
    from ...compare.decoding.cells import Source
    from ...compare.decoding.settings import Precision, Settings
    from ...compare.folder.folder import ComparisonFolder

# The networks and what draws the results are imported when something is compared, so that a web UI starts without them.

TOLD_BY_CONTENT = "told by its content"
AUTO = "auto: what each VAE needs, as where pictures are made. What overflows is repaired and told."
ROUNDS = "How often the view encodes and decodes a picture, each time what came of the last."
PRECISIONS: tuple[Precision, ...] = ("auto", "fp32", "bf16", "fp16")

TAKEN = "sources, vaes, encoder, side, precision, space, id"
TOLD = "await vaewbSources.chosen(), vaewbPicker.chosen(), encoder, side, precision, space, vaewbComparisons.compare()"
BEGIN = f"async ({TAKEN}) => [{TOLD}]"
"""JavaScript of the button: it tells what was chosen, and which comparison is to go on."""

BEGIN_HERE = f"async (prompts, checkpoints, {TAKEN}) => [vaewbPrompts.chosen(), checkpoints, {TOLD}]"
"""The same of the button that generates first."""

CANCELLED = "The comparison was cancelled. What was decoded until then is kept."
GENERATING = 0.6
"""The part of the progress that the sampling has, where there is some."""


class NoVae(InvalidInput):
    """A comparison of nothing is wanted."""

    def __init__(self) -> None:
        super().__init__("No VAE was chosen", "Choose one or more")


@dataclass(frozen=True)
class Order:
    """What a person asked for, field by field as the page gives it."""

    sources: str
    vaes: str
    encoder: str
    longest_side: float
    precision: Precision
    latent_space: str
    comparison_id: str


@dataclass(frozen=True)
class ComparePage:
    """The components of the page and what they do. Build it inside a ``gr.Blocks``."""

    workbench: Workbench
    sources: SourcesPanel
    generating: GenerateHere
    vaes: VaePicker
    longest_side: gr.Slider
    precision: gr.Radio
    warned: gr.HTML
    latent_space: gr.Dropdown
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    results: gr.HTML
    comparison: gr.Textbox
    act: gr.Textbox
    want: gr.Textbox
    rounds: gr.Slider
    pairing: gr.Radio

    @classmethod
    def build(cls, workbench: Workbench) -> ComparePage:
        """Lays out the page and connects it."""
        with gr.Row(elem_id="vaewb_compare_go"):
            run = gr.Button("Compare", variant="primary", elem_id="vaewb_run", scale=0)
            cancel = gr.Button("Cancel", interactive=False, elem_id="vaewb_cancel", scale=0)
            gr.Button("Pictures and VAEs", elem_id="vaewb_inputs_toggle", scale=0)
            status = gr.HTML(_welcome(workbench), elem_id="vaewb_status")
        with gr.Row(elem_id="vaewb_compare"):
            with gr.Column(scale=1, min_width=320, elem_id="vaewb_compare_inputs"):
                sources = SourcesPanel.build(workbench)
                generating = GenerateHere.build(workbench)
                vaes = VaePicker.build(workbench)
                with gr.Accordion("Options", open=False, elem_id="vaewb_compare_options"):
                    longest_side = gr.Slider(
                        256, 4096, DEFAULT_LONGEST_SIDE, step=64, label="Longest side", info=RULE, elem_id="vaewb_side"
                    )
                    precision = gr.Radio(
                        list(PRECISIONS), value=PRECISIONS[0], label="Precision", info=AUTO, elem_id="vaewb_precision"
                    )
                    warned = gr.HTML(elem_id="vaewb_precision_told")
                    latent_space = gr.Dropdown(
                        [TOLD_BY_CONTENT, *LATENT_SPACES],
                        value=TOLD_BY_CONTENT,
                        label="Latent space",
                        info="Only needed where a TAESD meets another VAE, and neither its content nor its name tells its space.",
                        elem_id="vaewb_latent_space",
                    )
                    rounds = gr.Slider(
                        1, 20, 10, step=1, label="Rounds of generation loss", info=ROUNDS, elem_id="vaewb_rounds"
                    )
                    pairing = gr.Radio(list(PAIRINGS), value=OWN_PAIRS, label="Pairs", elem_id="vaewb_pairs")
            with gr.Column(scale=3, min_width=480, elem_id="vaewb_compare_outputs"):
                results = gr.HTML(_viewer(workbench), elem_id="vaewb_results")
                comparison, act, want = map(hidden_field, ("vaewb_comparison", "vaewb_act", "vaewb_want"))
        page = cls(
            workbench, sources, generating, vaes, longest_side, precision, warned, latent_space, run, cancel, status, results,
            comparison, act, want, rounds, pairing,
        )  # fmt: skip
        page._wire()
        return page

    def _wire(self) -> None:
        line = WorkLine.build(
            self.workbench.jobs,
            "compare",
            self.status,
            (self.run, self.generating.run),
            self.cancel,
            (),
            lambda: [gr.update()],
            (self.generating.made,),
            cancelled=CANCELLED,
        )
        inputs = [
            self.sources.chosen, self.vaes.chosen, self.vaes.encoder, self.longest_side, self.precision, self.latent_space,
            self.comparison,
        ]  # fmt: skip
        line.wire(self.run, self._compare, inputs, script=BEGIN, owner=_comparison)
        here = [self.generating.prompts, self.generating.checkpoints, *inputs]
        line.wire(self.generating.run, self._generate, here, script=BEGIN_HERE, owner=_comparison)
        self.generating.wire()
        views = [self.want, self.precision, self.latent_space, self.rounds, self.pairing]
        line.wire_event(self.want.input, self._make, views, title="Make a view", owner=comparison_of)
        wire_actions(self.workbench, line, self.act)
        self.sources.wire(self.longest_side)
        self.precision.change(
            self._warned, [self.precision], [self.warned], queue=False, show_progress="hidden", api_name=False
        )

    def _compare(self, progress: Progress, *values: Any) -> Outcome:
        return Outcome(self._compared(progress, Order(*values)), [gr.update()])

    def _generate(self, progress: Progress, prompts: str, checkpoints: Sequence[str], *values: Any) -> Outcome:
        order, made = Order(*values), GeneratedHere()
        if not names_from(order.vaes):  # which a person is to learn before anything is sampled
            raise NoVae
        watched, decoding = part(progress, 0, GENERATING), part(progress, GENERATING, 1)
        try:
            made.make(self.workbench, watched, order.comparison_id, prompts_from(prompts), checkpoints or ())
            sources = json.dumps([*json.loads(order.sources), *made.items])
            told = self._compared(decoding, replace(order, sources=sources)) if made.items else ""
        except Cancelled:
            told = message(CANCELLED)
        except WorkbenchError as error:
            told = message(str(error), "error")
        told += "".join(message(complaint, "error") for complaint in made.complaints)
        return Outcome(told, [made.told(order.comparison_id)])

    def _compared(self, progress: Progress, order: Order) -> str:
        from ...compare.decoding.cells import decode_missing
        from ...compare.sources.sources import kept_sources

        bench = self.workbench
        known = {candidate.name: candidate for candidate in candidates(bench)}
        vaes = [self._identified(_known(known, name)) for name in names_from(order.vaes)]
        encoder = None if order.encoder == OWN_ENCODER else self._identified(_known(known, order.encoder))
        chosen = chosen_from(order.sources)
        side = int(order.longest_side)
        sources, complaints = gather(chosen, bench.comparisons, order.comparison_id, bench.generations, side)
        settings = self._settings(order.precision, order.latent_space)
        folder = bench.comparisons.open(order.comparison_id)
        with bench.comparisons.turn(order.comparison_id, progress):
            set_up(folder, sources, vaes)
            sources = kept_sources(folder, [source.record.id for source in sources])  # whose pixels are on disk
            decode_missing(
                folder, sources, vaes,
                encoder=encoder, settings=settings, exclusive=bench.exclusive, progress=progress,
            )  # fmt: skip
            told = result_message(folder, sources)
        return told + "".join(message(complaint, "error") for complaint in complaints)

    def _make(
        self, progress: Progress, order: str, precision: Precision, space: str, rounds: float, pairing: str
    ) -> Outcome:
        known = [self._identified(candidate) for candidate in candidates(self.workbench)]
        settings = self._settings(precision, space)
        told = make_view(self.workbench, progress, order, known, settings, int(rounds), pairing)
        return Outcome(message(told), [gr.update()])

    def _settings(self, precision: Precision, space: str) -> Settings:
        from ...compare.decoding.settings import Settings

        return Settings(self.workbench.device(), precision, LATENT_SPACES.get(space), self.workbench.plans)

    def _warned(self, precision: Any) -> str:  # gradio reads the types of its handlers
        from ...compare.decoding.settings import fp16_warning

        warning = fp16_warning(self.workbench.device(), precision)
        return message(warning, "warning") if warning else ""

    def _identified(self, candidate: Candidate) -> Candidate:
        """With what the library knows of it, in the light of all its files."""
        try:
            return replace(candidate, verdict=self.workbench.library.entry(candidate.path).verdict)
        except Exception:  # noqa: BLE001  # the comparison looks at the file itself, and says what is wrong with it
            logger.debug("The library knows nothing of %s", candidate.name, exc_info=True)
            return candidate


def result_message(folder: ComparisonFolder, sources: Sequence[Source]) -> str:
    """What has come of a comparison; ``sources`` are all of its."""
    failed = Counter(folder.vaes[cell.vae].name for cell in folder.cells.values() if cell.error)
    useless = sorted(name for name, cells in failed.items() if cells == len(sources))
    others = sum(failed.values()) - len(useless) * len(sources)
    width, height = sources[0].record.width, sources[0].record.height
    where = f"at {width}×{height}" if len(sources) == 1 else f"on {len(sources)} pictures"
    told = [f"Compared {counted(len(folder.vaes) - len(useless), 'VAE')} {where}."]
    if useless:
        told.append(f"Could not use {', '.join(useless)}.")
    if others:
        told.append(f"{counted(others, 'picture')} could not be made; each tells why in its place.")
    return message(" ".join(told), "error" if failed else "info")


def set_up(folder: ComparisonFolder, sources: Sequence[Source], chosen: Sequence[Candidate]) -> None:
    """Brings what a comparison holds into line with what was chosen; cells that are wanted again are kept.

    Raises:
        NoVae: no VAE was chosen.
    """
    from ...compare.decoding.cells import vae_record
    from ...compare.sources.sources import keep_source

    if not chosen:
        raise NoVae
    records = [vae_record(candidate) for candidate in chosen]
    wanted = {source.record.id for source in sources} | {record.id for record in records}
    folder.remove([key for key in (*folder.sources, *folder.vaes) if key not in wanted])
    for source in sources:
        if source.record.id not in folder.sources:
            keep_source(folder, source)
    for record in records:
        folder.add_vae(record)
    folder.arrange([source.record.id for source in sources], [record.id for record in records])


def _comparison(values: Sequence[Any]) -> str:
    """Whose work a click starts: the last input is the id of its comparison."""
    return str(values[-1])


def _known(known: dict[str, Candidate], name: str) -> Candidate:
    if name not in known:
        raise InvalidInput(f"{name} is no longer there", "Refresh the list and choose again")
    return known[name]


def _welcome(workbench: Workbench) -> str:
    folders = workbench.vae_folders()
    return message(f"Choose pictures and some VAEs, then compare. Your own files belong into {folders}.")


def _viewer(workbench: Workbench) -> str:
    """The viewer, with what the page can do for it; ``data-first`` names the comparison that is shown before the person has
    made one."""
    first = FIRST if workbench.has_first_comparison else ""
    can = escape(json.dumps({"actions": offered(workbench), "makes": MADE}), quote=True)
    viewer = f"<vaewb-viewer data-first='{first}' data-can='{can}'></vaewb-viewer>"
    return f"{viewer}<p id='vaewb_links' class='vaewb-links'></p>"
