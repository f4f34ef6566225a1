"""What importing the extension costs a web UI that has torch and gradio anyway."""

from __future__ import annotations

import statistics
import subprocess
import sys

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
    """The median of some fresh interpreters."""
    times = [float(subprocess.check_output([sys.executable, "-c", PROGRAM], text=True)) for _ in range(RUNS)]
    return [
        Figure("import of the pages beyond torch and gradio", statistics.median(times), 60, "ms", f"median of {RUNS}")
    ]
