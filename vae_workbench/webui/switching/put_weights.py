"""Gives the model in use the weights of a VAE, all of them or none: the only place where they change.

The callers hold the web UI's queue lock, or load a model while nobody uses it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from modules import sd_vae

from ...errors import WorkbenchError
from .. import options
from ..choosing import vae_list
from ..choosing.choose import refusals
from ..choosing.current_choice import names_of
from ..guarding import guard
from ..log import logger
from ..patching import described
from .loaded_vae import LoadedVae, WeightsOrigin
from .recent_vaes import RecentVaes
from .swap import DoesNotFit, copy_into
from .vae_weights import VaeOnDisk, VaeWeights

recent = RecentVaes()


def put_weights(model: Any, loaded: LoadedVae, origin: WeightsOrigin, reason: str, warnings: tuple[str, ...]) -> bool:
    """Copies weights into the model unless they are there.

    Raises:
        WorkbenchError: they cannot be used. Nothing has changed.
    """
    changed = loaded.origin != origin
    if changed:
        weights = _weights(model, loaded, origin)
        origin = replace(origin, stamp=weights.stamp) if origin.path else origin
        _exchange(model, loaded, origin, weights)
        logger.info("%s, %s", _named(origin), reason)
    for warning in warnings if warnings != loaded.warnings else ():
        logger.warning("%s", warning)
    loaded.reason, loaded.warnings, loaded.error, loaded.offer = reason, warnings, "", ""
    for checkpoint in names_of(loaded.checkpoint) if changed and origin.trial is None else ():
        refusals.forget(checkpoint, origin.path or checkpoint)
    sd_vae.loaded_vae_file = model.loaded_vae_file = origin.path
    sd_vae.base_vae = model.base_vae = None  # see switch.restore_host_state
    return changed


def _named(origin: WeightsOrigin) -> str:
    if origin.trial:
        return origin.trial.name
    return vae_list.name_of(origin.path) if origin.path else "baked VAE"


def _weights(model: Any, loaded: LoadedVae, origin: WeightsOrigin) -> VaeWeights | VaeOnDisk:
    """The weights, known to be whole and to fit this model."""
    if origin.trial:
        return origin.trial.weights
    try:
        if origin.path is None:
            return loaded.baked_weights(model.first_stage_model)
        return recent.get(origin.path, model.first_stage_model, options.cache_megabytes())
    except (MemoryError, RuntimeError) as error:
        name = Path(origin.path or loaded.checkpoint).name
        raise WorkbenchError(f"There is not enough memory for {name}", "Close other programs, or restart") from error
    except WorkbenchError:
        raise
    except Exception as error:  # trouble with one file: the next choice is taken
        name = Path(origin.path or loaded.checkpoint).name
        raise WorkbenchError(f"{name} cannot be read: {described(error)}", "Use another copy of the file") from error


def _exchange(model: Any, loaded: LoadedVae, origin: WeightsOrigin, weights: VaeWeights | VaeOnDisk) -> None:
    """The weights change; raises as :func:`put_weights`."""
    before = loaded.origin
    guard.before_swap(model)
    loaded.keep_baked(model.first_stage_model)
    loaded.origin = None
    try:
        copy_into(model.first_stage_model, weights)
    except DoesNotFit:
        loaded.origin = before
        raise
    except BaseException as error:
        _put_back(model, loaded, before)
        if isinstance(error, RuntimeError):
            raise WorkbenchError(f"The VAE could not be copied ({error})", "The one before is still in use") from error
        raise
    loaded.origin = origin


def _put_back(model: Any, loaded: LoadedVae, before: WeightsOrigin | None) -> None:
    """Makes good for a copy that stopped halfway. If that is not possible either, the next switch copies all anew."""
    if before is None:
        return
    try:
        copy_into(model.first_stage_model, _weights(model, loaded, before))
    except (WorkbenchError, RuntimeError) as error:
        logger.error("The VAE from before could not be put back: %s Choose a VAE again.", error)
    else:
        loaded.origin = before
