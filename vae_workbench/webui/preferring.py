"""A person's preferences changed: the web UI's metadata and the VAE in use follow."""

from __future__ import annotations

from collections.abc import Iterable

from modules import sd_models, sd_vae
from modules.call_queue import queue_lock

from ..choice.mirror import mirror
from ..choice.preferences import PreferredVae
from ..errors import WorkbenchError
from ..library.collection import Collection
from ..library.entry import Entry
from .choosing import preferences


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
    with queue_lock:
        return (*problems, *follow([checkpoint], found))


def follow(checkpoints: Iterable[Entry], found: Collection) -> tuple[str, ...]:
    """Gives the model in use its VAE if it is of one of these checkpoints or a copy; the caller holds the queue lock.

    Returns:
        why that was not possible, in a sentence.
    """
    model = sd_models.model_data.sd_model  # shared.sd_model would load one
    used = model and found.by_path(model.sd_checkpoint_info.filename)
    if not used or all(checkpoint.fingerprint != used.fingerprint for checkpoint in checkpoints):
        return ()
    try:
        sd_vae.reload_vae_weights(model)
    except WorkbenchError as error:
        return (str(error),)
    return ()
