"""What keeping the latent of a picture costs, beside making the picture.

The web UI is the tests' double: nothing is sampled there, and its VAE is a tenth as wide as a real one. What it takes to make a
picture of 512² is therefore far less than in a real web UI, and the share of keeping far more. CPU time of one thread, median.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from .figure import Figure

ROUNDS = 7
SIDE = 512
DOUBLE = Path(__file__).resolve().parents[1] / "tests" / "webui" / "double"


def figures() -> list[Figure]:
    """The share that keeping has of a job."""
    sys.path.insert(0, str(DOUBLE))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = _times()
    finally:
        torch.set_num_threads(threads)
        sys.path.remove(str(DOUBLE))
    ours, whole = (statistics.median(column) for column in zip(*times, strict=True))
    note = (
        f"{ours:.1f} ms beside {whole:.0f} ms without sampling and with a narrow VAE, {SIDE}², CPU time of one thread"
    )
    return [Figure("keeping the latent of a picture, of making it", 100 * ours / whole, 1, "%", note)]


def _times() -> list[tuple[float, float]]:
    """Milliseconds of keeping and of all the rest, for each picture."""
    from tests.webui.generations.jobs import generate
    from tests.webui.world import clean_host, make_checkpoints, make_vaes, opened
    from vae_workbench.webui import patching
    from vae_workbench.webui.generations import job, script
    from vae_workbench.webui.generations.keep import KEPT

    spent: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args)
            finally:
                spent.append((time.process_time() - start) * 1e3)

        return measured

    found = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("vaes", "checkpoints"):
            (folder / name).mkdir()
        stack.enter_context(clean_host())
        vaes, checkpoints = make_vaes(folder / "vaes"), make_checkpoints(folder / "checkpoints")
        world = stack.enter_context(opened(vaes, checkpoints))
        stack.callback(patching.undo_all)
        script.patch_generations()
        for module, name in ((job, "model_vae"), (script, "picture_made"), (script, "keep")):
            stack.enter_context(patch.object(module, name, timed(getattr(module, name))))
        world.load("tiny.safetensors")
        for _ in range(ROUNDS + 1):
            spent.clear()
            start = time.process_time()
            generate(width=SIDE, height=SIDE)
            found.append((sum(spent), (time.process_time() - start) * 1e3 - sum(spent)))
        assert len(KEPT.newest()) == len(found), "nothing was kept"
        KEPT.clear()
    return found[1:]
