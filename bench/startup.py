"""What the extension adds to the start of a web UI: from its first line to its being ready, without the imports of torch.

``VAEWB_WEBUI`` names an installed web UI (and ``VAEWB_WEBUI_PYTHON`` its Python); without it, nothing is measured. The
extension must not be linked into it.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from tests.host.conftest import NAME, ROOT, WebUI

from .figure import Figure

RUNS = 5
OURS = ("load scripts", "create ui", "gradio launch", "add APIs", "scripts")
"""Parts of the start in which an extension's code runs."""


def figures() -> list[Figure]:
    """The medians of some starts with the extension and without, in turn; one start before makes the bytecode."""
    folder = os.environ.get("VAEWB_WEBUI")
    if not folder:
        return []
    times: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as scratch:
        webui = WebUI(Path(folder), Path(os.environ["VAEWB_WEBUI_PYTHON"]), Path(scratch))
        webui.config.write_text("{}")
        with patch.dict(os.environ, PYTHONPYCACHEPREFIX=scratch):
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
            for run, linked in _turns():
                took = _start(webui, linked=linked)
                if run:
                    times[linked].append(took)
    with_it, without = statistics.median(times[True]), statistics.median(times[False])
    note = f"{with_it:.2f} s beside {without:.2f} s, medians of {RUNS}"
    return [
        Figure(
            "start of the web UI with the extension, beyond one without", (with_it - without) * 1000, 100, "ms", note
        )
    ]


def _turns() -> Iterator[tuple[int, bool]]:
    for run in range(RUNS + 1):
        yield run, run % 2 == 0
        yield run, run % 2 == 1


def _start(webui: WebUI, *, linked: bool) -> float:
    link = webui.root / "extensions" / NAME
    if linked:
        link.symlink_to(ROOT, target_is_directory=True)
    try:
        with webui.serve() as server:
            line = next(line for line in server.printed.splitlines() if line.startswith("Startup time"))
    finally:
        if linked:
            link.unlink()
    return sum(float(seconds) for part, seconds in re.findall(r"([\w ]+): ([\d.]+)s", line) if part.strip() in OURS)
