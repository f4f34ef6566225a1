"""The line that tells of long work."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import pytest

from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import Progress
from vae_workbench.ui.shared.jobs import Jobs
from vae_workbench.ui.shared.work_line import GONE, Outcome, WorkLine

Update = Sequence[Any]


def show(value: str) -> Update:
    return [f"<{value}>"]


class Page:
    """A page with a button, a tab and an output. Its handlers give status, cancel, job, button, output."""

    def __init__(
        self,
        work: Callable[..., str | Outcome],
        shown: Callable[..., Update] = show,
        jobs: Jobs | None = None,
        owner: str = "",
    ) -> None:
        self.jobs = jobs or Jobs()
        with gr.Blocks(analytics_enabled=False) as self.blocks, gr.Tab("Page") as tab:
            status, output, field = gr.HTML(), gr.HTML(), gr.Textbox()
            button, cancel = gr.Button("Go"), gr.Button()
            line = WorkLine.build(self.jobs, "page", status, (button,), cancel, [field], shown, [output])
            line.wire(button, work, [field], owner=lambda _values: owner)
            line.wire_opening(tab, lambda progress: work(progress, "opened"))
        self.line = line
        self.click, self.open = (self._handler(trigger) for trigger in ((button, "click"), (tab, "select")))
        self.look = self._handler((line.look, "click"))
        self.cancel = self._handler((cancel, "click"))

    def _handler(self, trigger: tuple[Any, str]) -> Callable[..., Update]:
        component, event = trigger
        (place,) = (
            place
            for place, it in enumerate(self.blocks.dependencies)
            if it["targets"] == [component._id] and it["trigger"] == event
        )
        function: Callable[..., Update] = self.blocks.fns[place].fn
        return function

    def end(self, update: Update) -> Update:
        """The update at the end of the job that this one started."""
        job = self.jobs.get(update[2])
        if job is None:
            return update
        assert job.wait(30)
        return self.look(job.id, "shown")


def enough(progress: Progress, _value: str) -> str:
    progress(0.5, "half")
    return "<p>done</p>"


class Slow:
    """Work that runs until it may end."""

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def __call__(self, progress: Progress, value: str) -> str:
        while not self.may_end.wait(0.01):
            progress(0.5, f"half of {value}")
        return f"<p>done with {value}</p>"


@pytest.fixture
def slow() -> Slow:
    return Slow()


def test_no_handler_is_queued_and_none_stays(slow: Slow) -> None:
    """gradio left the websocket of a queued generator waiting for ever once its browser had gone."""
    page = Page(slow)
    assert len(page.blocks.dependencies) == 6
    assert all(dependency["queue"] is False for dependency in page.blocks.dependencies)
    assert not any(dependency["types"]["generator"] for dependency in page.blocks.dependencies)
    status, *_ = page.click("it", "shown")  # comes back though the work has not ended
    assert "progressbar" in status
    slow.may_end.set()


def test_quick_work_is_answered_at_once() -> None:
    page = Page(enough)
    status, cancel, job, button, output = page.end(page.click("it", "shown"))
    assert status.startswith("<p>done</p>") and (job, output) == ("", "<shown>")
    assert button["interactive"] and not cancel["interactive"]
    assert re.search("data-vaewb-ended='[0-9a-f]{32}' data-vaewb-kind='page'", status)


def test_the_buttons_rest_while_it_runs_and_the_outputs_come_at_the_end(slow: Slow) -> None:
    page = Page(slow)
    status, cancel, job, button, output = page.click("it", "shown")
    assert f"data-vaewb-job='{job}'" in status
    assert cancel["interactive"] and not button["interactive"] and "value" not in output
    slow.may_end.set()
    page.jobs.get(job).wait(30)
    for _ in range(2):  # each page that looks gets the results
        status, cancel, job_now, button, output = page.look(job, "shown")
        assert "done with it" in status and (job_now, output) == ("", "<shown>")
        assert button["interactive"] and not cancel["interactive"]


def test_another_page_finds_what_runs_and_cancels_it(slow: Slow) -> None:
    jobs = Jobs()
    first, second = Page(slow, jobs=jobs), Page(slow, jobs=jobs)
    _, _, job, *_ = first.click("it", "shown")
    for found in (second.look("", "shown"), second.open("shown"), first.look(job, "shown")):
        assert found[2] == job and "progressbar" in found[0]
    second.cancel(job)
    assert jobs.get(job).wait(30)
    assert "Cancelled." in first.look(job, "shown")[0] and "Cancelled." in second.look(job, "shown")[0]


def test_what_else_runs_can_be_watched_instead(slow: Slow) -> None:
    page = Page(slow)
    _, _, first, *_ = page.click("one", "shown")
    status, _, second, *_ = page.click("two", "shown")
    assert "Also under way: Go, 50 %." in status and f"data-vaewb-watch='{first}'" in status
    assert f"data-vaewb-watch='{second}'" in page.look(first, "shown")[0]
    slow.may_end.set()


def test_what_is_somebodys_own_is_shown_to_nobody_else(slow: Slow) -> None:
    """The page "Compare" of a second browser showed how far the first one's comparison was, with a button to cancel it."""
    jobs = Jobs()
    mine, theirs = Page(slow, jobs=jobs, owner="mine"), Page(slow, jobs=jobs, owner="theirs")
    first = mine.click("one")
    assert "data-vaewb-job" not in str(theirs.look("", "shown"))
    second = theirs.click("two")
    assert "Also under way" not in second[0]
    assert first[2] in mine.click("three")[0]  # one's own is told beside the newest
    slow.may_end.set()
    mine.end(first)
    theirs.end(second)


def test_a_page_that_watches_nothing_is_left_alone() -> None:
    assert not any("value" in update or "interactive" in update for update in Page(enough).look("", "shown"))


def test_a_job_of_a_program_that_was_started_anew_is_not_waited_for() -> None:
    status, cancel, job, button, output = Page(enough).look("0" * 32, "shown")
    assert GONE in status and job == "" and button["interactive"] and not cancel["interactive"]
    assert "value" not in output


def test_results_of_the_work_itself_come_before_what_is_shown() -> None:
    page = Page(lambda progress, value: Outcome("<p>done</p>", [f"result of {value}"]))
    assert page.end(page.click("it", "shown"))[-1] == "result of it"


def failing(error: Exception) -> Callable[..., str]:
    def work(progress: Progress, _value: str) -> str:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Cancelled(), "Cancelled. What was done until then is kept."),
        (InvalidInput("The file <b>", "Choose another"), "The file &lt;b&gt;. Choose another."),
        (InvalidInput("caf\udce9 \x1b[31m"), "caf\\xe9 \\x1b[31m."),
    ],
)
def test_however_it_ends_the_page_is_told_and_usable(error: Exception, sentence: str) -> None:
    page = Page(failing(error))
    status, _, job, button, output = page.end(page.click("it", "shown"))
    assert sentence in status
    assert (job, output, button["interactive"]) == ("", "<shown>", True)


def test_what_nobody_expected_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    page = Page(failing(ZeroDivisionError("why")))
    with caplog.at_level(logging.ERROR, "vae_workbench"):
        status, *_ = page.end(page.click("it", "shown"))
    assert "This failed: why" in status
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("error", "sentence"), [(InvalidInput("Names are lost"), "Names are lost."), (OSError("why"), "why")]
)
def test_results_that_cannot_be_shown_leave_the_page_usable(error: Exception, sentence: str) -> None:
    def shown(value: str) -> Update:
        raise error

    page = Page(enough, shown)
    status, _, job, button, output = page.end(page.click("it", "shown"))
    assert sentence in status
    assert (job, button["interactive"]) == ("", True) and "value" not in output
