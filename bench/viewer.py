"""How smoothly the viewer moves pictures of 2048², measured in Chromium's trace.

How often a frame reaches the screen depends on what else the machine does, and without a graphics processor pictures are drawn in
software; the main thread's work for a frame, which is the viewer's own part, is told beside it.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.folder.records import Cell, SourceRecord, VaeRecord
from vae_workbench.compare.html_file import write_html

from .figure import Figure

SIDE, VAES, FRAMES = 2048, 3, 120
SIXTY = 17.0
"""Milliseconds between two frames at 60 a second, rounded up."""

MOVES = {
    "the divider between two pictures": ("ab", "v.state.divider = 0.5 + 0.4 * Math.sin(i / 9); v.redraw()"),
    "zoom with four pictures": ("loupe", "v.zoomAt(i % 60 < 30 ? 1.06 : 1 / 1.06, v.panes[0], 300, 300)"),
    "pan with four pictures": ("loupe", "v.pan(i % 60 < 30 ? 9 : -9, i % 40 < 20 ? 5 : -5, v.panes[0])"),
    "zoom and pan under the divider, two pictures": (
        "ab",
        "v.zoomAt(i % 60 < 30 ? 1.06 : 1 / 1.06); v.pan(5, 3, v.panes[0])",
    ),
}
"""By what is moved: the view, and what is done in each frame ``i`` with the viewer ``v``."""

DRIVE = """() => new Promise(done => {
    const v = document.querySelector("vaewb-viewer");
    let i = 0;
    const step = () => { if (i === %d) return done(); i++; %s; requestAnimationFrame(step); };
    performance.mark("vaewb-begin");
    requestAnimationFrame(step);
})"""


def figures() -> list[Figure]:
    """All figures of the group."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = _comparison(Path(folder))
        chromium = "/usr/bin/chromium"
        executable = {"executable_path": chromium} if os.path.exists(chromium) else {}  # noqa: PTH110
        browser = playwright.chromium.launch(**executable)  # type: ignore[arg-type]
        page = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
        page.goto(path.as_uri())
        page.wait_for_selector(".vaewb-pane img")
        made = [_figure(browser, page, name, view, move) for name, (view, move) in MOVES.items()]
        browser.close()
    return made


def _figure(browser: Any, page: Any, name: str, view: str, move: str) -> Figure:
    page.click(f"[data-mode={view}]")
    page.evaluate("Promise.all([...document.querySelectorAll('.vaewb-pane img')].map(it => it.decode()))")
    page.wait_for_timeout(3000)  # the suggestions of the loupe are computed meanwhile
    page.evaluate(DRIVE % (20, move))
    browser.start_tracing(
        page=page, categories=["devtools.timeline", "toplevel", "disabled-by-default-devtools.timeline.frame"]
    )
    page.evaluate(DRIVE % (FRAMES, move))
    events = json.loads(browser.stop_tracing())["traceEvents"]
    drawn = sorted(event["ts"] / 1000 for event in events if event["name"] == "DrawFrame")
    apart = [after - before for before, after in itertools.pairwise(drawn)]
    late = sum(interval > 1.5 * SIXTY for interval in apart) / len(apart)
    return Figure(
        f"{name} of {SIDE}²: between two frames on the screen", statistics.median(apart), SIXTY, "ms",
        f"{100 * late:.0f} % of the frames late; the main thread for a frame {statistics.median(_frames(events)):.1f} ms",
    )  # fmt: skip


def _frames(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds that the page's main thread was busy between one animation frame and the next."""
    begun = sorted((e for e in events if e["name"] == "FireAnimationFrame"), key=lambda event: event["ts"])
    thread = (begun[0]["pid"], begun[0]["tid"])
    tasks = [e for e in events if e["name"] == "RunTask" and (e["pid"], e["tid"]) == thread and "dur" in e]
    if not tasks:
        tasks = [e for e in events if e["name"].endswith("RunTask") and (e["pid"], e["tid"]) == thread and "dur" in e]
    starts = sorted({event["ts"] for event in begun})
    return [
        sum(task["dur"] for task in tasks if before <= task["ts"] + task["dur"] / 2 < after) / 1000
        for before, after in itertools.pairwise(starts)
        if after - before > 1000  # two callbacks of one frame are one
    ]


def _comparison(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (SIDE // 16, SIDE // 16, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    made = ComparisonFolder(folder / "comparison")
    made.add_source(SourceRecord("source", "source", "picture", SIDE, SIDE), picture)
    for number in range(VAES):
        made.add_vae(VaeRecord(f"vae{number}", f"vae-{number}.safetensors"))
        made.put(
            Cell("source", f"vae{number}", "done"),
            Image.eval(picture, lambda value, by=number: min(255, value + 3 * by)),
        )
    write_html(made, folder / "shared.html")
    return folder / "shared.html"
