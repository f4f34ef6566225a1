"""What the app prints when it ends.

gradio printed the traceback of each request that a second Ctrl+C, or the end of the patience, cut off.
"""

from __future__ import annotations

import asyncio
import threading

import gradio as gr
import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from gradio import routes

from vae_workbench.standalone import server


@pytest.fixture(autouse=True)
def own_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "traceback", routes.traceback)
    server._quiet_when_cut_off()


def test_a_request_that_is_cut_off_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        started.set()
        go_on.wait(60)

    async def cut_off() -> None:
        request = asyncio.create_task(call(slow))
        await asyncio.to_thread(started.wait, 60)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        go_on.set()

    with start_blocking_portal() as portal:  # a loop of its own: browser tests leave one running in this thread
        portal.call(cut_off)
    assert capfd.readouterr().err == ""


def test_a_handler_that_fails_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        raise ValueError("told in the log")

    with start_blocking_portal() as portal:
        portal.call(call, failing)
    assert "told in the log" in capfd.readouterr().err


async def call(handler: object) -> None:
    with gr.Blocks(analytics_enabled=False) as pages:
        gr.Button().click(handler, queue=False)
    transport = httpx.ASGITransport(app=routes.App.create_app(pages))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.post("/run/predict", json={"fn_index": 0, "data": []})
