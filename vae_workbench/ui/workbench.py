"""What the pages can do, handed to them by the web UI's side or by the standalone app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from ..compare.candidate import Candidate
from ..progress import Progress


@dataclass(frozen=True)
class Workbench:
    """The abilities behind the pages.

    Attributes:
        list_vaes: the VAE files that can be chosen, under distinct names, in the order to show.
        vae_folders: where those files lie, in words for a person whose list is empty.
        device: where networks run.
        exclusive: holds the device for one piece of work; waits while something else has it, telling the progress.
        live: whether pages can be updated while work runs (not with the web UI's ``--no-gradio-queue``).
        sample_picture: shown at the start, so that one click gives a result.
        selected: names chosen at the start.
    """

    list_vaes: Callable[[], Sequence[Candidate]]
    vae_folders: Callable[[], str]
    device: Callable[[], torch.device]
    exclusive: Callable[[Progress], AbstractContextManager[None]]
    live: bool = True
    sample_picture: Path | None = None
    selected: Sequence[str] = ()
