"""What the pages can do, handed to them by the web UI's side or by the standalone app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from ..choice.decide import Circumstances
from ..choice.preference_store import PreferenceStore
from ..compare.candidate import Candidate
from ..library.collection import Collection
from ..library.entry import Entry
from ..library.library import Library
from ..precision.plan import Plans
from ..progress import Progress


def _automatic(_collection: Collection) -> Circumstances:
    return Circumstances()


def _nothing_follows(_checkpoints: Sequence[Entry], _progress: Progress) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Workbench:
    """The abilities behind the pages.

    Attributes:
        list_vaes: the VAE files that can be chosen, under distinct names, in the order to show.
        vae_folders: where those files lie, in words for a person whose list is empty.
        device: where networks run.
        exclusive: holds the device for one piece of work; waits while something else has it, telling the progress.
        library: the user's VAEs and checkpoints.
        library_folders: the folders that it looks through.
        preferences: which VAE a person wants for which checkpoint.
        circumstances: what counts for the choice of a VAE beside the preferences.
        follow: called with the checkpoints that a change of the preferences may concern; brings what is in use into line,
            and returns what did not follow, in sentences.
        live: whether pages can be updated while work runs (not with the web UI's ``--no-gradio-queue``).
        sample_picture: shown at the start, so that one click gives a result.
        selected: names chosen at the start.
        plans: what each VAE needs in order not to overflow, where pictures are made.
    """

    list_vaes: Callable[[], Sequence[Candidate]]
    vae_folders: Callable[[], str]
    device: Callable[[], torch.device]
    exclusive: Callable[[Progress], AbstractContextManager[None]]
    library: Library
    library_folders: Callable[[], Sequence[Path]]
    preferences: PreferenceStore
    circumstances: Callable[[Collection], Circumstances] = _automatic
    follow: Callable[[Sequence[Entry], Progress], Sequence[str]] = _nothing_follows
    live: bool = True
    sample_picture: Path | None = None
    selected: Sequence[str] = ()
    plans: Plans | None = None
