"""The web UI's own switch and ours, in its own process on its own models. Run by :mod:`.switch` in the web UI's Python."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 5
CASES = (
    ("small VAE, .safetensors", "tiny.safetensors", ("vae-a.safetensors", "vae-b.safetensors"), 0),
    ("small VAE, .pt and .ckpt", "tiny.safetensors", ("vae-c.pt", "vae-d.ckpt"), 0),
    ("small VAE, from memory", "tiny.safetensors", ("vae-a.safetensors", "vae-b.safetensors"), 5),
    ("full-size VAE, .safetensors", "fullvae.safetensors", ("vae-full-a.safetensors", "vae-full-b.safetensors"), 0),
    ("full-size VAE, from memory", "fullvae.safetensors", ("vae-full-a.safetensors", "vae-full-b.safetensors"), 5),
)
"""What it is called, checkpoint, VAEs to go back and forth between, and VAEs that the web UI keeps in memory."""


def main(folder: str) -> None:
    """Prints, as a last line of JSON, milliseconds of ours and theirs for each case."""
    sys.path.insert(0, folder)
    sys.argv = ["webui.py", "--use-cpu", "all", "--no-half", "--skip-torch-cuda-test", "--do-not-download-clip"]
    sys.argv += ["--no-download-sd-model"]
    from modules import initialize

    initialize.imports()
    from modules import initialize_util, script_callbacks, sd_hijack, sd_hijack_optimizations, sd_models, sd_vae, shared

    from vae_workbench.webui import options, patching
    from vae_workbench.webui.switching import vae_loading

    initialize_util.fix_torch_version()
    script_callbacks.on_list_optimizers(sd_hijack_optimizations.list_optimizers)
    sd_hijack.list_optimizers()
    sd_models.list_models()
    import torch

    torch.set_num_threads(1)
    times: dict[str, list[float]] = {}
    for patched in (False, True):
        if patched:
            vae_loading.patch_loading()
        sd_vae.refresh_vae_list()
        for name, checkpoint, vaes, kept in CASES:
            shared.opts.data["sd_vae_checkpoint_cache"] = kept
            shared.opts.data[options.CACHE_MEGABYTES] = 1000 if kept else 0
            shared.opts.data["sd_model_checkpoint"] = sd_models.checkpoint_aliases[checkpoint].title
            sd_models.reload_model_weights()
            model = sd_models.model_data.get_sd_model()
            paths = [os.path.join(sd_vae.vae_path, vae) for vae in vaes]  # noqa: PTH118
            times.setdefault(name, []).append(
                _median(paths, lambda path, model=model: sd_vae.reload_vae_weights(model, path))
            )
    patching.undo_all()
    print(json.dumps({name: [ours, theirs] for name, (theirs, ours) in times.items()}))


def _median(paths: list[str], switch: Callable[[str], object]) -> float:
    for path in paths:
        Path(path).read_bytes()
        switch(path)
    taken = []
    for number in range(2 * ROUNDS):
        start = time.process_time()
        switch(paths[number % 2])
        taken.append((time.process_time() - start) * 1e3)
    return statistics.median(taken)


if __name__ == "__main__":
    main(sys.argv[1])
