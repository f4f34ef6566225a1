"""Comparing VAEs on one latent, beside the web UI's X/Y/Z plot over the same VAEs, which samples anew for each of them.

``VAEWB_WEBUI`` names an installed web UI with the tiny checkpoints (and ``VAEWB_WEBUI_PYTHON`` its Python); without it there are
no figures. Two web UIs run, one with the extension and one without, and work in turn. CPU time of the whole process, median:
other work on the machine disturbs that least. The network that samples is tiny, so the plot is far quicker here than with real
checkpoints, and the comparison is not.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from .figure import Figure

ROUNDS = 3
SIDE, STEPS = 256, 20
VAES = ("vae-a.safetensors", "vae-b.safetensors", "vae-c.pt", "vae-d.ckpt")
PICTURE = {"prompt": "a cat", "width": SIDE, "height": SIDE, "steps": STEPS, "seed": 1, "sampler_name": "Euler"}


def figures() -> Iterator[Figure]:
    """How long it takes, as shares of the plot."""
    from tests.host.conftest import WebUI, data_folder

    folder = os.environ.get("VAEWB_WEBUI")
    if not folder:
        return
    root = Path(folder)
    python = os.environ.get("VAEWB_WEBUI_PYTHON") or shutil.which("python", path=str(root / "venv/bin")) or "python"
    with ExitStack() as stack:
        servers = []
        for extended in (False, True):
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            data = data_folder(root, scratch / "data", extended=extended)
            webui = WebUI(root, Path(python), scratch)
            flags = ("--data-dir", str(data), "--vae-dir", str(root / "models" / "VAE"))
            servers.append(stack.enter_context(webui.serve(*flags)))
        stock, ours = servers
        times: dict[str, list[float]] = {}
        for _ in range(ROUNDS + 1):
            for name, server, work in (
                ("plot", stock, _plot),
                ("our plot", ours, _plot),
                ("picture", ours, _picture),
                ("comparison", ours, _compare),
            ):
                times.setdefault(name, []).append(_cpu_seconds(server.process.pid, server.address, work))
    plot, our_plot, picture, comparison = (statistics.median(taken[1:]) for taken in times.values())
    what = f"{len(VAES)} VAEs, {SIDE}², {STEPS} steps of a tiny checkpoint; CPU seconds"
    yield Figure(
        "comparing VAEs on the latent of a picture / X/Y/Z plot of the web UI alone",
        comparison / plot,
        1.0,
        "×",
        f"{comparison:.1f} beside {plot:.1f}: {what}",
    )
    yield Figure(
        "making the picture and comparing / X/Y/Z plot of the web UI alone",
        (picture + comparison) / plot,
        1.0,
        "×",
        f"{picture + comparison:.1f} beside {plot:.1f}",
    )
    yield Figure(
        "X/Y/Z plot with the extension / without", our_plot / plot, 1.1, "×", f"{our_plot:.1f} beside {plot:.1f}"
    )


def _plot(address: str) -> None:
    scripts = _asked(address, "/sdapi/v1/script-info")
    args = next(it["args"] for it in scripts if it["name"] == "x/y/z plot" and not it["is_img2img"])
    axis = args[0]["choices"].index("VAE")
    given = [axis, ", ".join(VAES), [], 0, "", [], 0, "", [], True, False, False, False, False, False, False, 0, True]
    answer = _asked(address, "/sdapi/v1/txt2img", {**PICTURE, "script_name": "x/y/z plot", "script_args": given})
    assert answer["images"], "there is no plot"


def _picture(address: str) -> None:
    assert _asked(address, "/sdapi/v1/txt2img", PICTURE)["images"]


def _compare(address: str) -> None:
    latent = torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=torch.Generator().manual_seed(time.monotonic_ns()))
    source = {"latents": base64.b64encode(save({"latent": latent})).decode()}
    order = {"sources": [source], "vaes": VAES, "latent_space": "sd1"}
    place = f"/vae-workbench/v1/compare/{_asked(address, '/vae-workbench/v1/compare', order)['id']}"
    while (state := _asked(address, place))["status"] == "running":
        time.sleep(0.1)
    assert [cell["error"] for cell in state["cells"]] == [None] * len(VAES), state


def _cpu_seconds(pid: int, address: str, work: Callable[[str], None]) -> float:
    before = _cpu(pid)
    work(address)
    return _cpu(pid) - before


def _cpu(pid: int) -> float:
    """Seconds of all threads of a process until now. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / float(os.sysconf("SC_CLK_TCK"))


def _asked(address: str, path: str, content: object = None) -> Any:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
