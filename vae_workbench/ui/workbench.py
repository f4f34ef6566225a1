"""What the pages can do, handed to them by the web UI's side or by the standalone app."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..choice.decide import VaeSettings
from ..choice.preference_store import PreferenceStore
from ..compare.decoding.candidate import Candidate
from ..compare.sources.generations import Generation, KeptGenerations
from ..lazy_dataclass import dataclass
from ..library.collection import Collection
from ..library.entry import Entry
from ..library.library import Library
from ..precision.plan import Plans
from ..progress import Exclusive, Progress
from ..stored import StoredJson
from .compare.comparisons import Comparisons
from .evaluate.evaluations import Evaluations
from .shared.jobs import Jobs

if TYPE_CHECKING:
    from ..edit.recipe import Recipe


def _automatic(_collection: Collection) -> VaeSettings:
    return VaeSettings()


def _nothing_follows(_checkpoints: Sequence[Entry], _progress: Progress) -> Sequence[str]:
    return ()


def _no_checkpoint() -> Entry | None:
    return None


def _nothing() -> None:
    return None


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Used:
    """What has become of a VAE that was to be used.

    Attributes:
        told: a sentence on it.
        before: what the top bar said, if it had to be changed for it.
    """

    told: str
    before: str = ""


UseVae = Callable[[Path, Progress], Used]
"""Gets a VAE file that is to be used."""

Generate = Callable[[str, str, Progress], Generation]
"""Gets an infotext and the path of a checkpoint, empty for the one in use; makes the picture anew, with its latent."""

TryOn = Callable[["Recipe", Progress], str]
"""Gets what would make a VAE file; returns a sentence on what has become of it."""


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
        vae_settings: what counts for the choice of a VAE beside the preferences.
        follow: called with the checkpoints that a change of the preferences may concern; brings what is in use into line,
            and returns what did not follow, in sentences.
        jobs: what runs behind the pages.
        comparisons: what pages have compared.
        has_first_comparison: whether there is one to be shown before a person has made any.
        selected: names chosen at the start.
        plans: what each VAE needs in order not to overflow, where pictures are made.
        generations: the newest pictures that were made, with their latents; ``None`` where none are made.
        checkpoint: the one in use, if there is one.
        use_now: takes a VAE file into use at once; ``None`` where nothing uses VAEs.
        use_for_checkpoint: sets a VAE file for the checkpoint in use.
        put_back: chooses in the top bar what it said before, by its name, and returns a sentence on it.
        try_on: takes the VAE that a recipe makes into use until another one is chosen, without a file, and returns a sentence
            on it; ``None`` where nothing uses VAEs.
        take_off: brings the VAE back that was in use before, and returns a sentence on it.
        list_checkpoints: the checkpoints with which pictures can be made, under distinct names, in the order to show.
        generate: makes a picture anew; ``None`` where none are made.
        target_folders: where new files may be written: ``vae`` and ``checkpoint`` → folder.
        evaluations: what pages have evaluated.
        picture_folders: whose pictures can be evaluated, and those of the folders in them.
        picture_hint: how a person adds some, in a sentence.
        files_changed: called when a file was written, for lists other than the library's.
        greeting: remembers whether newcomers were greeted; ``None`` where they are not.
        idle: whether nothing else is done, so that work which nobody asked for may begin.
    """

    list_vaes: Callable[[], Sequence[Candidate]]
    vae_folders: Callable[[], str]
    device: Callable[[], torch.device]
    exclusive: Exclusive
    library: Library
    library_folders: Callable[[], Sequence[Path]]
    preferences: PreferenceStore
    vae_settings: Callable[[Collection], VaeSettings] = _automatic
    follow: Callable[[Sequence[Entry], Progress], Sequence[str]] = _nothing_follows
    jobs: Jobs = field(default_factory=Jobs)
    comparisons: Comparisons = field(default_factory=lambda: Comparisons(Path(tempfile.mkdtemp(prefix="vaewb-"))))
    has_first_comparison: bool = False
    selected: Sequence[str] = ()
    plans: Plans | None = None
    generations: KeptGenerations | None = None
    checkpoint: Callable[[], Entry | None] = _no_checkpoint
    use_now: UseVae | None = None
    use_for_checkpoint: UseVae | None = None
    put_back: Callable[[str, Progress], str] | None = None
    try_on: TryOn | None = None
    take_off: Callable[[], str] | None = None
    list_checkpoints: Callable[[], Sequence[Candidate]] = tuple
    generate: Generate | None = None
    target_folders: Callable[[], Mapping[str, Path]] = dict
    evaluations: Evaluations = field(default_factory=lambda: Evaluations(Path(tempfile.mkdtemp(prefix="vaewb-"))))
    picture_folders: Callable[[], Sequence[Path]] = tuple
    picture_hint: str = ""
    files_changed: Callable[[], None] = _nothing
    greeting: StoredJson | None = None
    idle: Callable[[], bool] = _always
