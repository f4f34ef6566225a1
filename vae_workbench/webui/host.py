"""The web UI as the pages' workbench: its VAE folders, its device, its queue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from modules import devices, sd_models, sd_vae, shared
from modules.call_queue import queue_lock

from ..compare.candidate import Candidate
from ..library.entry import Entry
from ..progress import Progress
from ..ui.workbench import Workbench
from . import choosing, guard, library, preferring

# How often a waiting comparison looks whether it is its turn or was cancelled, in seconds.
POLL = 0.1


def workbench() -> Workbench:
    """What the pages can do inside the web UI."""
    return Workbench(
        list_vaes=list_vaes,
        vae_folders=lambda: str(vae_folder()),
        device=lambda: torch.device(devices.device),
        exclusive=exclusive,
        library=library.library(),
        library_folders=library.folders,
        preferences=choosing.preferences(),
        circumstances=choosing.circumstances,
        follow=follow,
        live=not shared.cmd_opts.no_gradio_queue,
        plans=guard.plans(),
    )


def list_vaes() -> Sequence[Candidate]:
    """The VAE files that the web UI knows, after looking at its folders again."""
    sd_vae.refresh_vae_list()
    names = sorted(sd_vae.vae_dict, key=shared.natural_sort_key)
    return [Candidate(name, sd_vae.vae_dict[name]) for name in names]


def vae_folder() -> Path:
    """Where the web UI looks for VAE files first."""
    return Path(shared.cmd_opts.vae_dir or sd_vae.vae_path)


def follow(checkpoints: Sequence[Entry], progress: Progress) -> Sequence[str]:
    """Gives the model in use the VAE that its checkpoint gets now, between two pictures."""
    if not preferring.concerned(checkpoints):
        return ()
    with exclusive(progress):
        return preferring.follow(checkpoints)


@contextmanager
def exclusive(progress: Progress) -> Iterator[None]:
    """Holds the web UI's queue, so that no picture is made meanwhile; waits for the one being made.

    The first checkpoint may still be loading outside of the queue; while it does, the web UI makes every new layer a
    placeholder without memory, so this waits for it too.
    """
    while not queue_lock.acquire(blocking=False):
        progress(0.0, "waiting for the picture being made")
        time.sleep(POLL)
    try:
        progress(0.0, "waiting for the checkpoint")
        sd_models.model_data.get_sd_model()
        yield
    finally:
        devices.torch_gc()
        queue_lock.release()
