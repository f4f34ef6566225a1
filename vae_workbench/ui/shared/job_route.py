"""The address at which the pages' script asks how far a job is, as the web UI's own progress bar does."""

from __future__ import annotations

import fastapi
from fastapi.responses import JSONResponse

from .jobs import Jobs

ADDRESS = "/vae-workbench/jobs/{job_id}"


def add_job_route(app: fastapi.FastAPI, jobs: Jobs) -> None:
    """Adds the route. It tells nothing but progress, and that only to whoever knows an id that cannot be guessed."""

    async def status(job_id: str) -> JSONResponse:
        job = jobs.get(job_id)
        if job is None:
            return JSONResponse({"detail": "There is no such job."}, status_code=404)
        fraction, what = job.progress
        told = {"fraction": fraction, "what": what, "ended": job.ended}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    app.add_api_route(ADDRESS, status, methods=["GET"], response_model=None, include_in_schema=False)
