"""The address at which the pages ask how far a job is."""

from __future__ import annotations

import threading

import fastapi
from fastapi.testclient import TestClient

from vae_workbench.progress import Progress
from vae_workbench.ui.shared.job_route import add_job_route
from vae_workbench.ui.shared.jobs import Jobs


def test_it_tells_how_far_a_job_is_and_nothing_of_others() -> None:
    seen, may_end = threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        progress(0.25, "decoding \ud800")
        seen.set()
        may_end.wait(30)

    app, jobs = fastapi.FastAPI(), Jobs()
    add_job_route(app, jobs)
    client = TestClient(app)
    job = jobs.start("compare", "Compare", work)
    assert seen.wait(30)
    answer = client.get(f"/vae-workbench/jobs/{job.id}")
    assert answer.json() == {"fraction": 0.25, "what": "decoding \\ud800", "ended": False}
    assert answer.headers["cache-control"] == "no-store"
    may_end.set()
    assert job.wait(30)
    assert client.get(f"/vae-workbench/jobs/{job.id}").json()["ended"] is True
    for other in ("0" * 32, "x", "compare", job.id[:-1]):
        assert client.get(f"/vae-workbench/jobs/{other}").status_code == 404
