"""A person's preferences changed: the web UI's metadata and the VAE in use follow."""

from __future__ import annotations

from collections.abc import Sequence

from modules import sd_models, sd_vae
from modules.call_queue import queue_lock

from ..choice.mirror import mirror
from ..choice.preferences import PreferredVae
from ..errors import WorkbenchError
from ..library.collection import Collection
from ..library.entry import Entry
from .choosing import choose, preferences
from .library import library
from .switch import held_in


def prefer(checkpoint: Entry, vae: PreferredVae | None, found: Collection) -> tuple[str, ...]:
    """Sets the override of a checkpoint, ``None`` to take it away, and has everything follow.

    Returns:
        what did not follow, and why, in sentences. The override is stored all the same.

    Raises:
        InvalidInput: the checkpoint could not be read.
        UnwritableTarget, UnsupportedFile, UnreadableFile: it cannot be stored; everything is as before.
    """
    mirror(preferences(), [checkpoint], found)  # what was set in the web UI meanwhile is older than this
    preferences().change(lambda now: now.with_overrides([checkpoint], vae, found.checkpoints))
    problems = mirror(preferences(), [checkpoint], found)
    if not concerned([checkpoint]):
        return problems  # without waiting for the picture being made
    with queue_lock:
        return (*problems, *follow([checkpoint]))


def follow(checkpoints: Sequence[Entry]) -> tuple[str, ...]:
    """Gives the model in use its VAE if it is of one of these checkpoints; the caller holds the queue lock.

    Returns:
        why that was not possible, in sentences: only when it is loaded is it seen whether all of its weights fit.
    """
    if not concerned(checkpoints):
        return ()
    model = sd_models.model_data.sd_model
    try:
        sd_vae.reload_vae_weights(model)
        wanted = choose(model.sd_checkpoint_info.filename).vae
    except WorkbenchError as error:
        return (str(error),)
    return () if sd_vae.loaded_vae_file == (wanted and wanted.path) else held_in(model).warnings


def concerned(checkpoints: Sequence[Entry]) -> bool:
    """Whether the model in use is of one of these checkpoints, or of a copy. Loads nothing, as ``shared.sd_model`` would."""
    model = sd_models.model_data.sd_model
    used = None if model is None else library().collection().by_path(model.sd_checkpoint_info.filename)
    return used is not None and any(checkpoint.fingerprint == used.fingerprint for checkpoint in checkpoints)
