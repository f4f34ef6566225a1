"""A line on a page that tells of long work: what is being done, how far it is, a button to cancel it, and how it ended.

Every handler answers at once and none is queued: gradio 3.41 leaves the websocket of a queued handler waiting for ever once
the browser has gone, and its server then never ends. So a click starts a job (see :mod:`.jobs`), the script of the pages asks
for its progress (see :mod:`.job_route`), and when it has ended presses a hidden button that fetches the results.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ...errors import Cancelled, WorkbenchError
from ...lazy_dataclass import dataclass
from ...progress import Progress
from .jobs import Job, Jobs
from .messages import also_running, end_mark, message, progress_bar

logger = logging.getLogger("vae_workbench")

SHORT = 0.3
"""Seconds within which most work ends, so that its results come with the answer to the click."""

GONE = "This work is no longer known: the program was started anew since, or it ended long ago."


@dataclass(frozen=True)
class Outcome:
    """How work ended.

    Attributes:
        told: HTML for the line.
        values: for the line's outputs; ``None`` if :attr:`WorkLine.shown` gives them.
    """

    told: str
    values: Sequence[Any] | None = None


Work = Callable[..., str | Outcome]
"""Gets the progress and the values of the inputs; returns how it ended, as HTML alone or with results."""

Owner = Callable[[Sequence[Any]], str]


def _everybody(_values: Sequence[Any]) -> str:
    return ""


@dataclass(frozen=True)
class WorkLine:
    """The line and the buttons that start work.

    Attributes:
        jobs: where work runs.
        kind: of its jobs.
        status: the line.
        buttons: all that start work. They rest while a job is watched.
        cancel: stops the job that is watched.
        context: components whose values ``shown`` gets.
        shown: called when work has ended in whatever way; new values for ``outputs``.
        outputs: what shows the results of all kinds of work.
        job: hidden; the id of the job that is watched.
        look: hidden; the script presses it to fetch what has become of the job.
        refresh: hidden; the script presses it when something else has changed what the page shows.
        cancelled: what is said of work that was cancelled.
    """

    jobs: Jobs
    kind: str
    status: gr.HTML
    buttons: Sequence[gr.Button]
    cancel: gr.Button
    context: Sequence[Any]
    shown: Callable[..., Sequence[Any]]
    outputs: Sequence[Any]
    job: gr.Textbox
    look: gr.Button
    refresh: gr.Button
    cancelled: str

    @classmethod
    def build(
        cls,
        jobs: Jobs,
        kind: str,
        status: gr.HTML,
        buttons: Sequence[gr.Button],
        cancel: gr.Button,
        context: Sequence[Any],
        shown: Callable[..., Sequence[Any]],
        outputs: Sequence[Any],
        *,
        cancelled: str = "Cancelled. What was done until then is kept.",
    ) -> WorkLine:
        """Adds the hidden components to the page, and connects them and the button that cancels."""
        hidden = "vaewb-hidden"
        job = gr.Textbox(elem_id=f"vaewb_{kind}_job", elem_classes=hidden, show_label=False, container=False)
        look = gr.Button(elem_id=f"vaewb_{kind}_look", elem_classes=hidden)
        refresh = gr.Button(elem_id=f"vaewb_{kind}_refresh", elem_classes=hidden)
        line = cls(jobs, kind, status, buttons, cancel, context, shown, outputs, job, look, refresh, cancelled)
        line._plain(look.click, line._look, [job, *context], line._everything)
        line._plain(job.input, line._look, [job, *context], line._everything)
        line._plain(cancel.click, line._cancel, [job], [])
        line._plain(refresh.click, line._refreshed, context, outputs)
        return line

    def wire(
        self,
        button: gr.Button,
        work: Work,
        inputs: Sequence[Any] = (),
        *,
        script: str | None = None,
        owner: Owner = _everybody,
    ) -> None:
        """Lets a button start work.

        Args:
            button: one of ``buttons``.
            work: what it starts.
            inputs: components whose values ``work`` gets.
            script: JavaScript that the values of the inputs go through first.
            owner: whose the work is, by the values of the inputs; see :attr:`.jobs.Job.owner`.
        """
        self.wire_event(button.click, work, inputs, title=button.value, script=script, owner=owner)

    def wire_event(
        self,
        event: Any,
        work: Work,
        inputs: Sequence[Any],
        *,
        title: str,
        script: str | None = None,
        owner: Owner = _everybody,
    ) -> None:
        """The same for another event of a component, such as ``field.submit``; ``title`` is what the work is called."""
        count = len(inputs)

        def start(*values: Any) -> Sequence[Any]:
            given, context = values[:count], values[count:]
            job = self.jobs.start(
                self.kind, title, lambda progress: self._done(work, progress, given), owner=owner(given)
            )
            return self._now(job, context)

        self._plain(event, start, [*inputs, *self.context], self._everything, script)

    def wire_opening(self, tab: gr.Tab, work: Work) -> None:
        """Lets work start whenever a tab is opened, and brings the page up to date; a job that runs is watched instead."""

        def opened(*context: Any) -> Sequence[Any]:
            running = self.jobs.running(self.kind)
            job = running[-1] if running else self.jobs.start(self.kind, "Opening", lambda it: self._done(work, it, ()))
            now = self._now(job, context)
            # A page that was loaded while work runs has shown nothing yet, and the work may take minutes.
            return [*now[: -len(self.outputs)], *self._shown_now(context)] if running else now

        self._plain(tab.select, opened, self.context, self._everything)

    @property
    def _everything(self) -> Sequence[Any]:
        return [self.status, self.cancel, self.job, *self.buttons, *self.outputs]

    def _plain(
        self, event: Any, handler: Any, inputs: Sequence[Any], outputs: Sequence[Any], script: str | None = None
    ) -> None:
        """Connects a handler that answers at once, past gradio's queue."""
        event(handler, list(inputs), list(outputs), queue=False, show_progress="hidden", api_name=False, _js=script)

    def _done(self, work: Work, progress: Progress, values: Sequence[Any]) -> Outcome:
        """Does the work, and says so however it ends."""
        try:
            outcome = work(progress, *values)
            return outcome if isinstance(outcome, Outcome) else Outcome(outcome)
        except Cancelled:
            return Outcome(message(self.cancelled))
        except WorkbenchError as error:
            return Outcome(message(str(error), "error"))
        except Exception as error:  # the outermost callback: whatever happened, the page says so
            logger.exception("Work of a page failed")
            return Outcome(_failed(error))

    def _look(self, job_id: str, *context: Any) -> Sequence[Any]:
        """What has become of the job watched; without one, the latest that runs is watched."""
        running = self.jobs.running(self.kind)
        job = self.jobs.get(job_id) or (running[-1] if running else None)
        if job is not None:
            return self._now(job, context, patience=0.0)
        if job_id:
            return self._update(message(GONE, "error"), None, self._unchanged())
        return [gr.update() for _ in self._everything]

    def _now(self, job: Job, context: Sequence[Any], patience: float = SHORT) -> Sequence[Any]:
        """Progress, or results if it has ended."""
        if not job.wait(patience):
            return self._update(progress_bar(job) + self._others(job), job, self._unchanged())
        outcome: Outcome = job.result()
        told, values = outcome.told, outcome.values
        if values is None:
            try:
                values = self.shown(*context)
            except WorkbenchError as error:
                told, values = message(str(error), "error"), self._unchanged()
            except Exception as error:  # as above
                logger.exception("Results of a page cannot be shown")
                told, values = _failed(error), self._unchanged()
        return self._update(told + self._others(job) + end_mark(job), None, values)

    def _update(self, status: str, running: Job | None, values: Sequence[Any]) -> Sequence[Any]:
        rest = [gr.update(interactive=running is None) for _ in self.buttons]
        return [status, gr.update(interactive=running is not None), running.id if running else "", *rest, *values]

    def _others(self, job: Job) -> str:
        others = self.jobs.running(self.kind, job.owner)
        return "".join(also_running(other) for other in others if other is not job)

    def _refreshed(self, *context: Any) -> Any:
        values = self._shown_now(context)
        return values if len(values) > 1 else values[0]

    def _shown_now(self, context: Sequence[Any]) -> Sequence[Any]:
        try:
            return self.shown(*context)
        except Exception:  # as above, but nobody has asked for anything
            logger.exception("A page cannot be brought up to date")
            return self._unchanged()

    def _unchanged(self) -> Sequence[Any]:
        return [gr.update() for _ in self.outputs]

    def _cancel(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is not None:
            job.cancel()


def _failed(error: Exception) -> str:
    return message(f"This failed: {error}. The log has the details.", "error")
