"""A person's preferences changed: the web UI's metadata and the VAE in use follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import takewhile

from modules import sd_models, sd_vae
from modules.call_queue import queue_lock

from ...choice.decide import Source
from ...choice.mirror import mirror
from ...choice.preferences import PreferredVae
from ...errors import WorkbenchError
from ...library.collection import Collection
from ...library.entry import Entry
from ..choosing.choose import choose, preferences
from ..library import library
from . import revision
from .switch import loaded_vae
from .trial import note_trial

PREFERENCES = (Source.OVERRIDE, Source.PATTERN, Source.DEFAULT)


def prefer(checkpoint: Entry, vae: PreferredVae | None, found: Collection) -> tuple[str, ...]:
    """Sets the override of a checkpoint, ``None`` to take it away, and has everything follow.

    Returns:
        what did not follow, and why, in sentences. The override is stored all the same.

    Raises:
        InvalidInput: the checkpoint could not be read.
        UnwritableTarget, UnsupportedFile, UnreadableFile: it cannot be stored; everything is as before.
    """
    problems = store(checkpoint, vae, found)
    return (*problems, *follow_in_turn([checkpoint], lambda: queue_lock))


def store(checkpoint: Entry, vae: PreferredVae | None, found: Collection) -> tuple[str, ...]:
    """The same without the VAE in use, which then has to follow."""
    mirror(preferences(), [checkpoint], found)  # what was set in the web UI meanwhile is older than this
    preferences().change(lambda now: now.with_overrides([checkpoint], vae, found.checkpoints))
    problems = mirror(preferences(), [checkpoint], found)
    revision.bump()
    return problems


def follow_in_turn(checkpoints: Sequence[Entry], turn: Callable[[], AbstractContextManager[object]]) -> tuple[str, ...]:
    """Gives the model in use its VAE if it is of one of these checkpoints: only then it waits for its turn.

    Args:
        checkpoints: those of which something changed.
        turn: holds the queue lock.

    Returns:
        what did not follow, and why, in sentences.
    """
    if not concerned(checkpoints):
        return follow(checkpoints)
    with turn():
        return follow(checkpoints)


def follow(checkpoints: Sequence[Entry]) -> tuple[str, ...]:
    """Gives the model in use its VAE if it is of one of these checkpoints; the caller holds the queue lock.

    Returns:
        why that was not possible, in sentences: only when it is loaded is it seen whether all of its weights fit.
    """
    revision.bump()  # what the list and the hints say depends on the preferences of others, too
    if not concerned(checkpoints):
        return ()
    model = sd_models.model_data.sd_model
    note_trial(None)  # another VAE was chosen for its checkpoint
    try:
        sd_vae.reload_vae_weights(model)
        choice = choose(model.sd_checkpoint_info.filename)
    except WorkbenchError as error:
        return (str(error),)
    passed = takewhile(lambda step: not step.taken, choice.steps)
    used = sd_vae.loaded_vae_file == (choice.vae and choice.vae.path)
    if used and not any(step.found and step.source in PREFERENCES for step in passed):
        return ()
    return loaded_vae(model).warnings


def concerned(checkpoints: Sequence[Entry]) -> bool:
    """Whether the model in use is of one of these checkpoints, or of a copy. Loads nothing, as ``shared.sd_model`` would."""
    model = sd_models.model_data.sd_model
    used = None if model is None else library().collection().by_path(model.sd_checkpoint_info.filename)
    return used is not None and any(checkpoint.fingerprint == used.fingerprint for checkpoint in checkpoints)
