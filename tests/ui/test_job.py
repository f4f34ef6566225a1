"""Long work behind a page."""

from __future__ import annotations

import threading

import pytest

from vae_workbench.errors import Cancelled
from vae_workbench.progress import Progress
from vae_workbench.ui.job import Job


def test_the_result_arrives_and_the_watch_ends() -> None:
    job = Job(lambda progress: 42)
    list(job.updates())
    assert job.result() == 42


def test_progress_is_seen_while_it_runs() -> None:
    seen, may_end = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        progress(0.5, "half way")
        seen.set()
        may_end.wait(10)

    job = Job(work)
    seen.wait(10)
    updates = job.updates()
    assert next(updates) == (0.5, "half way")
    may_end.set()
    assert list(updates) == []


def test_an_error_is_raised_to_the_watcher() -> None:
    def work(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Job(work).result()


def endless(progress: Progress) -> None:
    while not threading.Event().wait(0.001):
        progress(0.1, "on and on")


def test_cancelling_stops_at_the_next_step() -> None:
    job = Job(endless)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result()


def test_a_watcher_that_goes_away_cancels_the_work() -> None:
    """A closed browser tab must not leave the device busy."""
    job = Job(endless)
    updates = job.updates()
    next(updates)
    updates.close()
    with pytest.raises(Cancelled):
        job.result()


def test_cancelling_what_has_ended_changes_nothing() -> None:
    job = Job(lambda progress: "done")
    assert job.result() == "done"
    job.cancel()
    assert job.result() == "done"
