"""A workbench without a web UI around it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import torch

from vae_workbench.choice.preference_store import store_in
from vae_workbench.library.places import library_in
from vae_workbench.ui.workbench import Workbench


def workbench(data: Path, *folders: Path, **others: Any) -> Workbench:
    """One with these folders; what it remembers lies in ``data``."""
    return Workbench(
        list_vaes=list,
        vae_folders=lambda: "there",
        device=lambda: torch.device("cpu"),
        exclusive=lambda progress: contextlib.nullcontext(),
        library=library_in(data),
        library_folders=lambda: folders,
        preferences=store_in(data),
        **others,
    )
