"""What importing the extension costs a web UI that has torch and gradio anyway."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from .figure import Figure

# Everything that the tab needs at the start of a web UI is reached from its pages.
PROGRAM = """
import time, warnings
warnings.simplefilter("ignore")
import torch, gradio
start = time.perf_counter()
import vae_workbench.ui.pages
print((time.perf_counter() - start) * 1000)
"""
RUNS = 5


def figures() -> list[Figure]:
    """The median of some fresh interpreters; one before them makes the bytecode, as the first start of a web UI does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as bytecode:
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        times = [
            float(subprocess.check_output([sys.executable, "-c", PROGRAM], env=environment, text=True))
            for _ in range(RUNS + 1)
        ][1:]
    return [
        Figure("import of the pages beyond torch and gradio", statistics.median(times), 60, "ms", f"median of {RUNS}")
    ]
