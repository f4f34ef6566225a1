"""The page "Compare": a picture and some VAEs in, what each makes of it out."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import torch

from ..autoencoder.latent_space import LATENT_SPACES
from ..compare.candidate import Candidate
from ..compare.picture import DEFAULT_LONGEST_SIDE, RULE, load_picture
from ..errors import Cancelled, InvalidInput, WorkbenchError
from ..progress import Progress
from .job import Job
from .messages import message, progress_bar
from .picture_input import PictureInput
from .workbench import Workbench

if TYPE_CHECKING:
    from ..compare.comparison import Comparison

# The networks and what draws the results are imported when something is compared, so that a web UI starts without them.

logger = logging.getLogger("vae_workbench")

OWN_ENCODER = "each VAE's own"
BY_NAME = "from the file names"
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ARCHIVE = "vae-comparison.zip"

Update = tuple[Any, ...]


@dataclass(frozen=True)
class Order:
    """What a person asked for, field by field as the page gives it."""

    picture: bytes | None
    names: list[str]
    encoder: str
    longest_side: float
    precision: str
    latent_space: str


@dataclass(frozen=True)
class ComparePage:
    """The components of the page and what they do. Build it inside a ``gr.Blocks``."""

    workbench: Workbench
    picture: PictureInput
    vaes: gr.Dropdown
    refresh: gr.Button
    encoder: gr.Dropdown
    longest_side: gr.Slider
    precision: gr.Radio
    latent_space: gr.Dropdown
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    results: gr.HTML
    files: gr.File
    job: gr.State

    @classmethod
    def build(cls, workbench: Workbench) -> ComparePage:
        """Lays out the page and connects it."""
        names = [candidate.name for candidate in workbench.list_vaes()]
        selected = [name for name in workbench.selected if name in names]
        with gr.Row(elem_id="vaewb_compare"):
            with gr.Column(scale=1, min_width=320, elem_id="vaewb_compare_inputs"):
                picture = PictureInput(
                    label="Picture", height=300, elem_id="vaewb_picture", value=_text(workbench.sample_picture)
                )
                vaes = gr.Dropdown(
                    names,
                    value=selected,
                    multiselect=True,
                    label="VAEs to compare",
                    elem_id="vaewb_vaes",
                    show_label=True,
                )
                refresh = gr.Button("Refresh the list", size="sm", elem_id="vaewb_refresh")
                encoder = gr.Dropdown(
                    [OWN_ENCODER, *names], value=OWN_ENCODER, label="Encoder", elem_id="vaewb_encoder"
                )
                with gr.Accordion("Options", open=False, elem_id="vaewb_compare_options"):
                    longest_side = gr.Slider(
                        256, 4096, DEFAULT_LONGEST_SIDE, step=64, label="Longest side", info=RULE, elem_id="vaewb_side"
                    )
                    precision = gr.Radio(list(PRECISIONS), value="fp32", label="Precision", elem_id="vaewb_precision")
                    latent_space = gr.Dropdown(
                        [BY_NAME, *LATENT_SPACES],
                        value=BY_NAME,
                        label="Latent space",
                        info="Only needed where a TAESD decodes the latent of another VAE, or the reverse.",
                        elem_id="vaewb_latent_space",
                    )
                with gr.Row():
                    run = gr.Button("Compare", variant="primary", elem_id="vaewb_run")
                    cancel = gr.Button("Cancel", interactive=False, elem_id="vaewb_cancel")
            with gr.Column(scale=3, min_width=480, elem_id="vaewb_compare_outputs"):
                status = gr.HTML(_welcome(names, workbench), elem_id="vaewb_status")
                results = gr.HTML(elem_id="vaewb_results")
                files = gr.File(label="Downloads", file_count="multiple", visible=False, elem_id="vaewb_files")
        page = cls(
            workbench, picture, vaes, refresh, encoder, longest_side, precision, latent_space,
            run, cancel, status, results, files, gr.State(),
        )  # fmt: skip
        page._wire()
        return page

    def _wire(self) -> None:
        inputs = [self.picture, self.vaes, self.encoder, self.longest_side, self.precision, self.latent_space]
        outputs = [self.status, self.results, self.files, self.run, self.cancel, self.job]
        handler = self._compare if self.workbench.live else self._compare_unwatched
        self.run.click(handler, inputs, outputs, show_progress="hidden", api_name=False)
        # Not queued: it has to get through while the comparison runs.
        self.cancel.click(_cancel, [self.job], [], queue=False, api_name=False)
        self.refresh.click(
            self._refreshed,
            [self.vaes, self.encoder],
            [self.vaes, self.encoder, self.status],
            queue=False,
            api_name=False,
        )

    def _compare_unwatched(self, *values: Any) -> Update:
        """The last update alone, where pages cannot be updated while work runs."""
        *_, last = self._compare(*values)
        return last

    def _compare(self, *values: Any) -> Iterator[Update]:
        """Starts the comparison and yields (status, results, files, run, cancel, job) until it has ended."""
        try:
            order = Order(*values)
            job = Job(lambda progress: self._work(order, progress))
            yield self._update(progress_bar(0, "starting"), running=job)
            for fraction, what in job.updates():
                yield self._update(progress_bar(fraction, what), running=job)
            yield self._finished(job.result())
        except Cancelled:
            yield self._update(message("The comparison was cancelled."))
        except WorkbenchError as error:
            yield self._update(message(str(error), "error"))
        except Exception as error:  # the outermost callback: whatever happened, the page says so
            logger.exception("The comparison failed")
            yield self._update(message(f"The comparison failed: {error}. The log has the details.", "error"))

    def _work(self, order: Order, progress: Progress) -> Comparison:
        from ..compare.comparison import Settings, compare

        if not order.picture:
            raise InvalidInput("There is no picture yet", "Drop one into the field, or choose a file")
        known = {candidate.name: candidate for candidate in self.workbench.list_vaes()}
        chosen = [_known(known, name) for name in order.names]
        loaded = load_picture(order.picture, longest_side=int(order.longest_side))
        settings = Settings(self.workbench.device(), PRECISIONS[order.precision], LATENT_SPACES.get(order.latent_space))
        shared = None if order.encoder == OWN_ENCODER else _known(known, order.encoder)
        with self.workbench.exclusive(progress):
            return compare(loaded, chosen, encoder=shared, settings=settings, progress=progress)

    def _finished(self, comparison: Comparison) -> Update:
        from ..compare.report import GRID, ORIGINAL, REPORT, picture_names, write_report
        from .compare_results import cards

        with tempfile.TemporaryDirectory(prefix="vaewb-") as folder:
            write_report(comparison, Path(folder) / "files")
            archive = shutil.make_archive(str(Path(folder) / Path(ARCHIVE).stem), "zip", Path(folder) / "files")
            served = {path.name: self._served(path) for path in (Path(folder) / "files").iterdir()}
            downloads = [self._served(Path(archive)), served[GRID], served[REPORT]]
        html = cards(comparison, served, picture_names(comparison), ORIGINAL)
        failed = [result.candidate.name for result in comparison.results if result.error]
        width, height = comparison.picture.size
        done = f"Compared {len(comparison.results) - len(failed)} at {width}×{height}."
        status = message(f"{done} Could not use {', '.join(failed)}.", "error") if failed else message(done)
        return self._update(status, results=html, files=downloads)

    def _served(self, path: Path) -> str:
        """A copy where gradio may serve it from, until the server ends."""
        copy: str = self.files.make_temp_copy_if_needed(path)
        return copy

    def _update(
        self,
        status: str,
        *,
        running: Job[Comparison] | None = None,
        results: str | None = None,
        files: list[str] | None = None,
    ) -> Update:
        return (
            status,
            gr.update() if results is None else results,
            gr.update() if files is None else gr.update(value=files, visible=True),
            gr.update(interactive=running is None),
            gr.update(interactive=running is not None),
            running,
        )

    def _refreshed(self, chosen: list[str], encoder: str) -> tuple[Any, Any, str]:
        names = [candidate.name for candidate in self.workbench.list_vaes()]
        return (
            gr.update(choices=names, value=[name for name in chosen or [] if name in names]),
            gr.update(choices=[OWN_ENCODER, *names], value=encoder if encoder in names else OWN_ENCODER),
            _welcome(names, self.workbench),
        )


def _cancel(job: Job[Any] | None) -> None:
    if job is not None:
        job.cancel()


def _known(known: dict[str, Candidate], name: str) -> Candidate:
    if name not in known:
        raise InvalidInput(f"{name} is no longer there", "Refresh the list and choose again")
    return known[name]


def _welcome(names: list[str], workbench: Workbench) -> str:
    if not names:
        return message(f"No VAE files were found. Put some into {workbench.vae_folders()} and refresh the list.")
    return message(f"{len(names)} VAE files are at hand. Choose a picture and some of them, then compare.")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
