"""How long the page "Workshop" takes to show a change of colours, after a slider was moved."""

from __future__ import annotations

import os
from pathlib import Path

from .figure import Figure

SIDE, MOVES, GOAL = 512, 60, 50.0

SCRIPT = Path(__file__).resolve().parents[1] / "javascript" / "vae_workbench_tone.js"

DRIVE = """([side, moves]) => {
    const tone = document.querySelector("vaewb-tone");
    const values = Float32Array.from({length: 3 * side * side}, () => 1.1 * Math.random() - 0.05);
    tone.base = {width: side, height: side, values};
    const times = [];
    for (let move = 0; move < moves; move++) {
        tone.fields = {saturation: 1 + move / moves, hue: move, brightness: 0.1};
        const begun = performance.now();
        tone.draw();
        times.push(performance.now() - begun);
    }
    return times.sort((a, b) => a - b);
}"""


def figures() -> list[Figure]:
    """All figures of the group."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = "/usr/bin/chromium"
        executable = {"executable_path": chromium} if os.path.exists(chromium) else {}  # noqa: PTH110
        browser = playwright.chromium.launch(**executable)  # type: ignore[arg-type]
        page = browser.new_page()
        page.set_content("<vaewb-tone></vaewb-tone>")
        page.add_script_tag(path=SCRIPT)
        times = page.evaluate(DRIVE, [SIDE, MOVES])
        browser.close()
    return [
        Figure(
            f"a change of colours on {SIDE}², from the move to the canvas",
            times[MOVES // 2],
            GOAL,
            "ms",
            f"the quickest {times[0]:.0f} ms, nine of ten at most {times[9 * MOVES // 10]:.0f} ms",
        )
    ]
