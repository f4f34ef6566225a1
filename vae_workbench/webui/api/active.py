"""Routes that tell which VAE is in use, and choose another one."""

from __future__ import annotations

from typing import Any

from modules import shared
from modules.call_queue import queue_lock
from pydantic import BaseModel

from ...errors import InvalidInput, WorkbenchError
from ..showing.active_vae import active
from ..switching.switch import Refused
from ..switching.use import select_and_save
from .refusals import refusal


class Wanted(BaseModel):
    """What to switch to.

    Attributes:
        vae: a name of the list of VAEs, ``Automatic``, or ``None`` for the checkpoint's own.
        force: whether it is wanted although it probably does not fit the checkpoint.
    """

    vae: str
    force: bool = False


def active_vae() -> dict[str, Any]:
    """The VAE in use, why it is that one, and in what precision."""
    now = active()
    if now is None:
        raise refusal(503, "No checkpoint is loaded. Choose one first.")
    return {
        "setting": shared.opts.sd_vae,
        "checkpoint": now.checkpoint,
        "vae": now.vae,
        "baked": now.usable and now.vae is None,
        "tried_on": now.tried_on or None,
        "known_as": now.known_as,
        "reason": now.reason,
        "precision": now.precision,
        "decoder_precision": now.decoder_precision,
        "encoder_precision": now.encoder_precision,
        "warnings": list(now.warnings),
        "error": now.error or None,
        "hint": now.hint or None,
    }


def switch_vae(wanted: Wanted) -> dict[str, Any]:
    """Chooses a VAE as in the top bar. Waits for the picture that is being made."""
    with queue_lock:
        model = shared.sd_model
        if model is None:
            raise refusal(503, "No checkpoint is loaded. Choose one first.")
        try:
            select_and_save(model, wanted.vae, force=wanted.force)
        except InvalidInput as error:
            raise refusal(422, str(error)) from error
        except WorkbenchError as error:
            confirmable = isinstance(error, Refused) and error.confirmable
            hint = " Send force if you want it all the same." if confirmable else ""
            raise refusal(409, f"{error}{hint}") from error
        return active_vae()
