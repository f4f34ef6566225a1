"""The line that tells of long work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import pytest

from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import Progress
from vae_workbench.ui.job import Job
from vae_workbench.ui.work_line import WorkLine


def show(value: str) -> Sequence[Any]:
    return [f"<{value}>"]


def run(
    work: Callable[..., str], *, live: bool = True, shown: Callable[..., Sequence[Any]] = show
) -> list[Sequence[Any]]:
    """All updates of a page with a button and an output, as gradio gets them: status, cancel, job, button, output."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        status, output, field = gr.HTML(), gr.HTML(), gr.Textbox()
        button, cancel = gr.Button(), gr.Button()
        line = WorkLine(live, status, (button,), cancel, gr.State(), shown, [output])
        line.wire(button, work, [], [field])
        line.wire_cancel()
    handler = blocks.fns[0].fn
    updates = handler("shown")
    return list(updates) if live else [updates]


def enough(progress: Progress) -> str:
    progress(0.5, "half")
    return "<p>done</p>"


def test_the_buttons_rest_while_it_runs_and_the_outputs_come_at_the_end() -> None:
    first, *_, last = run(enough)
    status, cancel, job, button, output = first
    assert "progressbar" in status and isinstance(job, Job)
    assert cancel["interactive"] and not button["interactive"]
    assert "value" not in output
    status, cancel, job, button, output = last
    assert (status, job, output) == ("<p>done</p>", None, "<shown>")
    assert button["interactive"] and not cancel["interactive"]


def test_pages_that_cannot_be_updated_get_the_end() -> None:
    ((status, _, _, button, output),) = run(enough, live=False)
    assert (status, output, button["interactive"]) == ("<p>done</p>", "<shown>", True)


def failing(error: Exception) -> Callable[..., str]:
    def work(progress: Progress) -> str:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Cancelled(), "Cancelled. What was done until then is kept."),
        (InvalidInput("The file <b>", "Choose another"), "The file &lt;b&gt;. Choose another."),
    ],
)
def test_however_it_ends_the_page_is_told_and_usable(error: Exception, sentence: str) -> None:
    status, _, job, button, output = run(failing(error))[-1]
    assert sentence in status
    assert (job, output, button["interactive"]) == (None, "<shown>", True)


def test_what_nobody_expected_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "vae_workbench"):
        status, *_ = run(failing(ZeroDivisionError("why")))[-1]
    assert "This failed: why" in status
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("error", "sentence"), [(InvalidInput("Names are lost"), "Names are lost."), (OSError("why"), "why")]
)
def test_results_that_cannot_be_shown_leave_the_page_usable(error: Exception, sentence: str) -> None:
    def shown(value: str) -> Sequence[Any]:
        raise error

    status, _, job, button, output = run(enough, shown=shown)[-1]
    assert sentence in status
    assert (job, button["interactive"]) == (None, True) and "value" not in output
