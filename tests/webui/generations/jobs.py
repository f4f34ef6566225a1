"""Jobs as the pages and the API give them to the web UI, with our script among its scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tests.webui.world import REAL
from vae_workbench.autoencoder.open_file import open_autoencoder
from vae_workbench.compare.sources.generations import Generation

SMALL = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "seed": 1, "sampler_name": "Euler", "cfg_scale": 1}


def job(others: object = (), scripts: Sequence[object] = (), **more: Any) -> Any:
    """A job that is ready; nothing is saved unless a folder is given.

    Args:
        others: what "Also decode with" is given.
        scripts: further scripts, asked after ours.
        more: of the web UI's job.
    """
    from modules import processing, shared
    from modules import scripts as host_scripts

    from vae_workbench.webui.generations.script import VaeWorkbenchScript

    shared.opts.data["grid_save"] = False
    runner = host_scripts.ScriptRunner()
    for script in (VaeWorkbenchScript(), *scripts):
        script.filename, script.args_from, script.args_to = type(script).__name__, 1, 2
        runner.alwayson_scripts.append(script)
    unsaved = {"do_not_save_samples": "outpath_samples" not in more, "do_not_save_grid": True}
    p = processing.StableDiffusionProcessingTxt2Img(**{**SMALL, **unsaved, **more})
    p.script_args = [0, others]
    p.scripts = runner
    return p


def generate(others: object = (), scripts: Sequence[object] = (), **more: Any) -> Any:
    """What the web UI makes of a job."""
    return run(job(others, scripts, **more))


def run(p: Any) -> Any:
    from modules import processing
    from modules.call_queue import queue_lock

    with queue_lock:
        return processing.process_images(p)


def decoded(generation: Generation, path: str = "") -> np.ndarray[Any, Any]:
    """What a VAE makes of kept latents, H×W×3 in 0..255; by default that of the picture."""
    assert generation.space
    vae = open_autoencoder(path or generation.made_by_path)
    with torch.no_grad():
        return as_pixels(vae.decode(generation.space.to_raw(generation.latents))[0])


def as_pixels(image: Tensor) -> np.ndarray[Any, Any]:
    """3×H×W in −1..1 to H×W×3 in 0..255, as the web UI does it."""
    between = torch.clamp((image.float() + 1.0) / 2.0, min=0.0, max=1.0)
    return (255.0 * np.moveaxis(between.numpy(), 0, 2)).astype(np.uint8)


def equal(image: Image.Image | None, pixels: np.ndarray[Any, Any]) -> bool:
    """Whether both are the same; beside a real web UI, whose attention adds in another order, but for a step at a few numbers."""
    if image is None or (found := np.asarray(image)).shape != pixels.shape:
        return False
    apart = np.abs(found.astype(int) - pixels)
    return bool(apart.max() <= 1 and (apart > 0).mean() < 0.001) if REAL else not apart.any()


def parameters(infotext: str) -> dict[str, str]:
    """The last line of an infotext."""
    pairs = (part.partition(": ") for part in infotext.splitlines()[-1].split(", "))
    return {key: value for key, _, value in pairs}
