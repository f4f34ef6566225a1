"""A VAE that a person saw in a comparison, taken into use: at once, or for the checkpoint in use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from modules import script_callbacks, sd_models, shared

from ...choice.assign import preferred_vae
from ...choice.fit import title
from ...choice.proposals import AUTOMATIC as UNSET
from ...errors import InvalidInput, WorkbenchError
from ...library.collection import Collection
from ...library.entry import Entry
from ...printable import printable
from ...progress import Progress
from ...ui.workbench import Used
from ..choosing import vae_list
from ..exclusive import exclusive
from ..library import folders, library
from . import overrides
from .switch import AUTOMATIC, loaded_vae, select

NO_CHECKPOINT = InvalidInput("No checkpoint is loaded", "Choose one first")


def select_and_save(model: Any, name: str, *, force: bool = False) -> None:
    """What a person does in the top bar, with all that follows from it. The caller holds the queue lock.

    Args:
        model: the one in use.
        name: of the list of VAEs, ``Automatic`` or ``None``.
        force: whether it is wanted although it probably does not fit.

    Raises:
        InvalidInput: there is no such name, or settings are frozen.
        WorkbenchError: it cannot be used. Everything is as before.
    """
    if select(model, name, force=force):
        script_callbacks.model_loaded_callback(model)
    shared.opts.save(shared.config_filename)


def use_now(vae: Path, progress: Progress) -> Used:
    """Selects a VAE file in the top bar, between two pictures.

    Raises:
        WorkbenchError: it cannot be used. The one before still is.
        Cancelled: ``progress`` raised it while waiting.
    """
    name = vae_list.name_of(os.fspath(vae))
    return Used(_told(f"{name} is in use now.", _chosen(name, progress)))


def put_back(name: str, progress: Progress) -> str:
    """Selects in the top bar what was selected there before, between two pictures; returns a sentence on it.

    Raises:
        WorkbenchError: it cannot be used any more. The VAE in use still is.
        Cancelled: ``progress`` raised it while waiting.
    """
    warnings = _chosen(name, progress)
    return _told(f"The top bar is at {printable(name)} again.", warnings)


def use_for_checkpoint(vae: Path, progress: Progress) -> Used:
    """Sets a VAE file for the checkpoint in use, for good, so that it is in use.

    Raises:
        WorkbenchError: it cannot be used, or cannot be stored. Everything is as before.
        Cancelled: ``progress`` raised it while waiting; the file is set, and used from the next picture on.
    """
    progress(0.0, "looking through the library")
    library().scan(folders())
    found = library().collection()
    checkpoint = _checkpoint_in_use(found)
    preferred = preferred_vae(_name_in(found, vae), [checkpoint], found)
    problems = overrides.store(checkpoint, preferred, found)
    problems += overrides.follow_in_turn([checkpoint], partial(exclusive, progress))
    before, told = _let_preferences_count(progress)
    return Used(_told(f"{title(checkpoint)} uses {preferred.name} from now on.", (*problems, *told)), before)


def _let_preferences_count(progress: Progress) -> tuple[str, tuple[str, ...]]:
    """Puts the top bar to Automatic where a VAE that is chosen there goes before those of checkpoints.

    Returns:
        what the top bar said if it was changed, and sentences on it.
    """
    chosen = shared.opts.sd_vae
    if chosen in UNSET or not shared.opts.sd_vae_overrides_per_model_preferences:
        return "", ()
    try:
        _chosen(AUTOMATIC, progress)
    except WorkbenchError as error:
        return "", (str(error),)
    return chosen, (f"The top bar is at {AUTOMATIC} now: {chosen}, which was chosen there, would go before it.",)


def _chosen(name: str, progress: Progress) -> Sequence[str]:
    """Selects this in the top bar, between two pictures; returns the warnings."""
    with exclusive(progress):
        model = shared.sd_model
        if model is None:
            raise NO_CHECKPOINT
        select_and_save(model, name)
        return loaded_vae(model).warnings


def _told(sentence: str, problems: Sequence[str]) -> str:
    return " ".join((sentence, *problems))


def _checkpoint_in_use(found: Collection) -> Entry:
    model = sd_models.model_data.sd_model
    used = None if model is None else found.by_path(model.sd_checkpoint_info.filename)
    if used is None:
        raise NO_CHECKPOINT
    return used


def _name_in(found: Collection, vae: Path) -> str:
    """What the library calls a file."""
    entry = found.by_path(os.fspath(vae))
    return entry.name if entry else vae.name
