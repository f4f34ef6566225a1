"""The web UI as the pages' workbench: its VAE folders, its device, its queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import torch
from modules import devices, sd_models, sd_vae, shared

from ..compare.decoding.candidate import Candidate
from ..library.entry import Entry
from ..progress import Progress
from ..ui.compare.comparisons import Comparisons
from ..ui.evaluate.evaluations import Evaluations
from ..ui.greeting import greeting_in
from ..ui.shared.jobs import Jobs
from ..ui.workbench import Workbench
from . import library
from .choosing import choose as choosing
from .exclusive import exclusive
from .generations.keep import KEPT
from .generations.remake import generate
from .guarding import guard
from .options import PICTURE_FOLDERS
from .switching import overrides as preferring
from .switching.try_on import take_off, try_on
from .switching.use import put_back, use_for_checkpoint, use_now

JOBS = Jobs()
"""What runs behind the pages; the results of jobs outlive Reload UI."""


@lru_cache(maxsize=1)
def comparisons() -> Comparisons:
    """What the pages have compared."""
    return Comparisons(library.data_folder() / "comparisons")


@lru_cache(maxsize=1)
def evaluations() -> Evaluations:
    """What the pages have evaluated."""
    return Evaluations(library.data_folder() / "evaluations")


def picture_folders() -> Sequence[Path]:
    """Those that the settings name, and those that the web UI saves its pictures in."""
    named = str(shared.opts.data.get(PICTURE_FOLDERS, "")).splitlines()
    saved = (shared.opts.outdir_samples, shared.opts.outdir_txt2img_samples, shared.opts.outdir_img2img_samples)
    return [Path(folder.strip()) for folder in (*named, *saved) if folder and folder.strip()]


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
        vae_settings=choosing.vae_settings,
        follow=follow,
        plans=guard.plans(),
        jobs=JOBS,
        comparisons=comparisons(),
        generations=KEPT,
        checkpoint=checkpoint,
        use_now=use_now,
        use_for_checkpoint=use_for_checkpoint,
        put_back=put_back,
        try_on=try_on,
        take_off=take_off,
        list_checkpoints=list_checkpoints,
        generate=generate,
        target_folders=target_folders,
        evaluations=evaluations(),
        picture_folders=picture_folders,
        picture_hint="Other folders are named in Settings → VAE Workbench.",
        files_changed=files_changed,
        greeting=greeting_in(library.data_folder()),
        idle=is_idle,
    )


def list_vaes() -> Sequence[Candidate]:
    """The VAE files that the web UI knows, after looking at its folders again."""
    sd_vae.refresh_vae_list()
    names = sorted(sd_vae.vae_dict, key=shared.natural_sort_key)
    return [Candidate(name, sd_vae.vae_dict[name]) for name in names]


def list_checkpoints() -> Sequence[Candidate]:
    """The checkpoints that the web UI knows. Its list is not made anew, which would be empty for a moment while others ask."""
    found = sorted(sd_models.checkpoints_list.values(), key=lambda info: shared.natural_sort_key(info.name))
    return [Candidate(info.name, info.filename) for info in found]


def is_idle() -> bool:
    """Whether the web UI has nothing to do. Until a checkpoint was loaded it counts as busy: our work would load one."""
    known = sd_models.model_data
    return library.is_idle() and (known.sd_model is not None or getattr(known, "was_loaded_at_least_once", False))


def vae_folder() -> Path:
    """Where the web UI looks for VAE files first."""
    return Path(shared.cmd_opts.vae_dir or sd_vae.vae_path)


def target_folders() -> Mapping[str, Path]:
    """Where the web UI looks first for VAEs and for checkpoints."""
    return {"vae": vae_folder(), "checkpoint": Path(shared.cmd_opts.ckpt_dir or sd_models.model_path)}


def files_changed() -> None:
    """Lets the web UI look at its folders again."""
    sd_vae.refresh_vae_list()
    sd_models.list_models()


def follow(checkpoints: Sequence[Entry], progress: Progress) -> Sequence[str]:
    """Gives the model in use the VAE that its checkpoint gets now, between two pictures."""
    return preferring.follow_in_turn(checkpoints, partial(exclusive, progress))


def checkpoint() -> Entry | None:
    """The checkpoint in use, if there is one. Loads nothing."""
    model = sd_models.model_data.sd_model
    return None if model is None else library.library().entry(model.sd_checkpoint_info.filename)
