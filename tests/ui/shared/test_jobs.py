"""Long work behind a page."""

from __future__ import annotations

import threading

import pytest

from vae_workbench.errors import Cancelled
from vae_workbench.progress import Progress
from vae_workbench.ui.shared.jobs import KEPT, Job, Jobs


def ended(job: Job) -> Job:
    assert job.wait(30)
    return job


def endless(progress: Progress) -> None:
    while not threading.Event().wait(0.001):
        progress(0.1, "on and on")


def test_a_job_is_found_by_its_id_and_keeps_its_result() -> None:
    jobs = Jobs()
    job = ended(jobs.start("compare", "Compare", lambda progress: 42))
    found = jobs.get(job.id)
    assert found is job and (found.kind, found.title, found.ended, found.result()) == ("compare", "Compare", True, 42)
    assert jobs.get("0" * 32) is None and len(job.id) == 32


def test_progress_is_seen_while_it_runs() -> None:
    seen, may_end = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        progress(0.5, "caf\udce9.safetensors")
        seen.set()
        may_end.wait(30)

    jobs = Jobs()
    job = jobs.start("compare", "Compare", work)
    assert seen.wait(30)
    assert job.progress == (0.5, "caf\\xe9.safetensors") and not job.ended
    assert jobs.running("compare") == [job] and jobs.running("library") == []
    may_end.set()
    ended(job)
    assert jobs.running("compare") == []


def test_nobody_has_to_watch() -> None:
    """A browser that was closed left gradio waiting for ever, and the server never ended."""
    jobs = Jobs()
    job = jobs.start("library", "Scan", lambda progress: progress(0.5, "half"))
    assert ended(job).result() is None


def test_an_error_is_raised_to_whoever_asks() -> None:
    def work(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Jobs().start("compare", "Compare", work).result()


def test_cancelling_stops_at_the_next_step() -> None:
    job = Jobs().start("compare", "Compare", endless)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result()


def test_cancelling_what_has_ended_changes_nothing() -> None:
    job = ended(Jobs().start("compare", "Compare", lambda progress: "done"))
    job.cancel()
    assert job.result() == "done"


def test_old_results_go_but_those_of_other_kinds_and_what_runs_stay() -> None:
    jobs = Jobs()
    running = jobs.start("compare", "Compare", endless)
    other = ended(jobs.start("library", "Scan", lambda progress: 0))
    many = [ended(jobs.start("compare", "Compare", lambda progress: 0)) for _ in range(KEPT + 3)]
    kept = [job for job in many if jobs.get(job.id)]
    assert kept == many[-len(kept) :] and KEPT <= len(kept) <= KEPT + 1
    assert jobs.get(running.id) and jobs.get(other.id)
    running.cancel()


def test_at_the_end_of_the_program_everything_stops() -> None:
    jobs = Jobs()
    running = [jobs.start(kind, "Work", endless) for kind in ("compare", "library")]
    jobs.cancel_all(30)
    assert all(job.ended for job in running)


def test_work_that_does_not_listen_does_not_hold_up_the_end() -> None:
    may_end = threading.Event()
    job = Jobs()
    stubborn = job.start("compare", "Compare", lambda progress: may_end.wait(60))
    job.cancel_all(0.01)
    assert not stubborn.ended
    may_end.set()
