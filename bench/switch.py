"""Switching the VAE in use, beside a plain copy of the same tensors, and beside the web UI's own switch.

CPU time of one thread, runs in turn, median: other work on the machine disturbs that least. All files are in the system's
cache. ``VAEWB_WEBUI`` names an installed web UI (and ``VAEWB_WEBUI_PYTHON`` its Python); without it, it is not compared.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from vae_workbench.autoencoder.build import build
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.webui.switching.recent_vaes import RecentVaes
from vae_workbench.webui.switching.swap import copy_into

from .figure import Figure

ROUNDS = 7
SIZES = {"small": 32, "full-size": 128}
MEGABYTES = 1000
ROOT = Path(__file__).resolve().parents[1]


def figures() -> list[Figure]:
    """All figures of switching."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = [figure for name, width in SIZES.items() for figure in _beside_a_copy(name, width, Path(folder))]
    finally:
        torch.set_num_threads(threads)
    return [*found, *_beside_the_web_ui()]


def _beside_a_copy(name: str, width: int, folder: Path) -> Iterator[Figure]:
    network = build(KLShape.standard(width=width)).to_empty(device="cpu").requires_grad_(False)
    weights = {name: torch.randn(tensor.shape) for name, tensor in network.state_dict().items()}
    as_safetensors, as_torch = folder / "vae.safetensors", folder / "vae.pt"
    save_file(weights, as_safetensors)
    torch.save({"state_dict": weights}, as_torch)

    def without_autocast(load: Callable[[], dict[str, torch.Tensor]]) -> Callable[[], None]:
        targets = network.state_dict()

        def copy() -> None:
            for name, tensor in load().items():
                targets[name].copy_(tensor)

        return copy

    def ours(path: Path, megabytes: float) -> Callable[[], None]:
        recent = RecentVaes()
        return lambda: copy_into(network, recent.get(str(path), network, megabytes))

    pairs = {
        "from memory": (ours(as_safetensors, MEGABYTES), without_autocast(lambda: weights)),
        ".safetensors": (ours(as_safetensors, 0), without_autocast(lambda: load_file(as_safetensors))),
        ".pt": (ours(as_torch, 0), without_autocast(lambda: torch.load(as_torch, weights_only=True)["state_dict"])),
    }
    for what, (mine, plain) in pairs.items():
        yield _ratio(f"switch to a {name} VAE, {what} / plain copy", mine, plain)


def _ratio(name: str, mine: Callable[[], None], plain: Callable[[], None]) -> Figure:
    mine()
    times = [(_milliseconds(mine), _milliseconds(plain)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    return Figure(name, ours / theirs, 1.3, "×", f"{ours:.1f} ms beside {theirs:.1f} ms")


def _milliseconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def _beside_the_web_ui() -> Iterator[Figure]:
    folder = os.environ.get("VAEWB_WEBUI")
    if not folder:
        return
    python = os.environ.get("VAEWB_WEBUI_PYTHON") or shutil.which("python", path=f"{folder}/venv/bin") or "python"
    environment = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    script = [python, "-W", "ignore", "-m", "bench.switch_in_webui", folder]
    done = subprocess.run(
        script, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    for name, (ours, theirs) in json.loads(done.stdout.splitlines()[-1]).items():
        note = f"{ours:.1f} ms beside {theirs:.1f} ms"
        yield Figure(f"switch to a {name} / the web UI's own", ours / theirs, 0.9, "×", note)
