"""A line on a page that tells of long work: what is being done, how far it is, a button to cancel it, and how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..errors import Cancelled, WorkbenchError
from .job import Job
from .messages import message, progress_bar

logger = logging.getLogger("vae_workbench")

Work = Callable[..., str]
"""Gets the progress and the values of the inputs; returns how it ended, as HTML."""


@dataclass(frozen=True)
class WorkLine:
    """The line and the buttons that start work.

    Attributes:
        live: whether the page can be updated while work runs.
        status: the line.
        buttons: all that start work. They rest while some work of this page runs.
        cancel: stops it.
        job: the work that runs.
        shown: called when work has ended in whatever way; new values for ``outputs``.
        outputs: what shows the results of all kinds of work.
    """

    live: bool
    status: gr.HTML
    buttons: Sequence[gr.Button]
    cancel: gr.Button
    job: gr.State
    shown: Callable[..., Sequence[Any]]
    outputs: Sequence[Any]

    def wire(self, button: gr.Button, work: Work, inputs: Sequence[Any], context: Sequence[Any] = ()) -> None:
        """Lets a button start work.

        Args:
            button: one of ``buttons``.
            work: what it starts.
            inputs: components whose values ``work`` gets.
            context: further ones whose values ``shown`` gets.
        """
        self._connect(button.click, work, inputs, context)

    def wire_event(self, event: Any, work: Work, inputs: Sequence[Any], context: Sequence[Any]) -> None:
        """The same for another event of a component, such as ``field.submit``."""
        self._connect(event, work, inputs, context)

    def wire_opening(self, tab: gr.Tab, work: Work, context: Sequence[Any]) -> None:
        """Lets work start whenever a tab is opened, and brings the page up to date."""
        self._connect(tab.select, work, [], context)

    def wire_cancel(self) -> None:
        """Lets the button stop the work; not queued, since it has to get through while the work runs."""
        self.cancel.click(_cancel, [self.job], [], queue=False, api_name=False)

    def _connect(self, event: Any, work: Work, inputs: Sequence[Any], context: Sequence[Any]) -> None:
        count = len(inputs)

        def watched(*values: Any) -> Iterator[Sequence[Any]]:
            yield from self._run(work, values[:count], values[count:])

        def unwatched(*values: Any) -> Sequence[Any]:
            *_, last = self._run(work, values[:count], values[count:])
            return last

        outputs = [self.status, self.cancel, self.job, *self.buttons, *self.outputs]
        event(
            watched if self.live else unwatched,
            [*inputs, *context],
            outputs,
            show_progress="hidden",
            api_name=False,
        )

    def _run(self, work: Work, values: Sequence[Any], context: Sequence[Any]) -> Iterator[Sequence[Any]]:
        try:
            job = Job(lambda progress: work(progress, *values))
            yield self._running(progress_bar(0, "starting"), job)
            for fraction, what in job.updates():
                yield self._running(progress_bar(fraction, what), job)
            told = job.result()
        except Cancelled:
            told = message("Cancelled. What was done until then is kept.")
        except WorkbenchError as error:
            told = message(str(error), "error")
        except Exception as error:  # the outermost callback: whatever happened, the page says so
            logger.exception("Work of a page failed")
            told = _failed(error)
        shown: Sequence[Any]
        try:
            shown = self.shown(*context)
        except WorkbenchError as error:
            told, shown = message(str(error), "error"), self._unchanged()
        except Exception as error:  # as above
            logger.exception("Results of a page cannot be shown")
            told, shown = _failed(error), self._unchanged()
        yield [told, gr.update(interactive=False), None, *(gr.update(interactive=True) for _ in self.buttons), *shown]

    def _running(self, status: str, job: Job[str]) -> Sequence[Any]:
        resting = (gr.update(interactive=False) for _ in self.buttons)
        return [status, gr.update(interactive=True), job, *resting, *self._unchanged()]

    def _unchanged(self) -> Sequence[Any]:
        return [gr.update() for _ in self.outputs]


def _failed(error: Exception) -> str:
    return message(f"This failed: {error}. The log has the details.", "error")


def _cancel(job: Any) -> None:
    if job is not None:
        job.cancel()
