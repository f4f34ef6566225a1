"""Which VAE the model in use gets, and when; :mod:`.put_weights` gives it.

The callers hold the web UI's queue lock, or load a model while nobody uses it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from modules import sd_vae, shared

from ...choice.decide import Choice, Source
from ...errors import DamagedFile, InvalidInput, UnknownArchitecture, UnsupportedFile, WorkbenchError
from ...library.walk import stamp_of
from ...printable import printable
from ..choosing import vae_list
from ..choosing.choose import choose, note_selection, overridden, refusals
from ..choosing.current_choice import choice_for, confirmed, names_of, objection
from ..choosing.stock_choice import StockChoice
from ..log import logger, warn_of
from . import revision
from .loaded_vae import BAKED_ORIGIN, LoadedVae, WeightsOrigin, adopt, find_loaded_vae
from .put_weights import put_weights
from .swap import DoesNotFit, as_state_dict
from .trial import note_trial, trial_for

OPTION, AUTOMATIC, NONE = "sd_vae", "Automatic", "None"
LASTING = (DoesNotFit, DamagedFile, UnsupportedFile, UnknownArchitecture)
"""Errors that say what a file is. Others, such as too little memory, may not come again."""

_lock = threading.RLock()
_state: tuple[object, ...] = ()
"""What was in use at the last look, and why."""


class Refused(WorkbenchError):
    """A VAE that was asked for cannot be used; the one before still is.

    Attributes:
        confirmable: whether the person may have it all the same.
    """

    def __init__(self, what: str, remedy: str = "", *, confirmable: bool = False) -> None:
        self.confirmable = confirmable
        super().__init__(what, remedy)


class NoVae(WorkbenchError):
    """A checkpoint without a VAE, and no file that could stand in."""


def loaded_vae(model: Any) -> LoadedVae:
    """The record of a model in memory."""
    return find_loaded_vae(model) or adopt(model)


def switch(model: Any, *, strict: bool = False) -> bool:
    """Gives a model the VAE that was chosen for its checkpoint, or is tried on with it; quick if it has that one.

    Args:
        model: one whose weights are loaded.
        strict: whether what is selected in the top bar has to be used, and nothing is tried on any more. Otherwise the next
            choice is taken, with a warning.

    Returns:
        whether the VAE is another one than before.

    Raises:
        Refused: strict, and it cannot be used. The model is as before.
        NoVae: nothing can be used, and what the model has is nobody's.
    """
    with _lock:
        loaded = loaded_vae(model)
        trial = note_trial(None) if strict else None
        try:
            return _take(model, loaded, strict)
        except WorkbenchError as error:
            if trial:
                note_trial(trial)
            loaded.error = str(error)
            loaded.offer = shared.opts.sd_vae if isinstance(error, Refused) and error.confirmable else ""
            warn_of(error)
            raise
        finally:
            _note_state(model, loaded)


def switch_to(model: Any, path: str | None, reason: str) -> bool:
    """Gives a model this VAE file, or its checkpoint's own, whatever was chosen.

    Returns:
        whether the VAE is another one than before.

    Raises:
        WorkbenchError: it cannot be used. The model is as before.
    """
    with _lock:
        loaded = loaded_vae(model)
        try:
            return _use(model, loaded, path, reason, ())
        finally:
            _note_state(model, loaded)


def switch_after_load(model: Any, loaded: LoadedVae, path: str | None, reason: str) -> None:
    """Gives a model that has just got the weights of a checkpoint its VAE.

    Args:
        model: it.
        loaded: its new record.
        path: what the web UI resolved to use. If that is not what was chosen, another extension wants it.
        reason: the web UI's for it.

    Raises:
        NoVae: the checkpoint has none, and there is none that fits.
    """
    with _lock:
        try:
            if path != _path(choice_for(loaded.checkpoint)):
                try:
                    _use(model, loaded, path, reason, ())
                    return
                except WorkbenchError as error:
                    warn_of(error)
            _take(model, loaded, strict=False)
        finally:
            _note_state(model, loaded)


def select(model: Any, name: str, *, force: bool = False) -> bool:
    """What a person does in the top bar. The caller holds the queue lock, and saves the options.

    Args:
        model: the one in use.
        name: of the list, ``Automatic`` or ``None``.
        force: whether it is wanted although it probably does not fit this checkpoint.

    Returns:
        whether the VAE is another one than before.

    Raises:
        InvalidInput: there is no such name, or settings are frozen.
        WorkbenchError: it cannot be used. The setting is as before, too.
    """
    path = None if name in (AUTOMATIC, NONE) else vae_list.file_called(name)
    wanted = vae_list.name_of(path) if path else name
    pair, before = (loaded_vae(model).checkpoint, wanted), shared.opts.sd_vae
    known = not force or pair in confirmed
    confirmed_override = overridden() and wanted == before
    selected = note_selection(wanted)
    if confirmed_override:
        note_selection(selected)
    _set(wanted)
    if force:
        confirmed.add(pair)
    try:
        return switch(model, strict=True)
    except WorkbenchError:
        _set(before)
        note_selection(selected)
        if not known:
            confirmed.discard(pair)
        raise


def _set(name: str) -> None:
    try:
        shared.opts.set(OPTION, name, run_callbacks=False)
    except AssertionError as error:
        raise InvalidInput(f"The VAE cannot be chosen: {error}", "Start the web UI without that option") from error
    if shared.opts.sd_vae != name:
        raise InvalidInput("The VAE cannot be chosen: that setting is restricted", "Ask who runs this web UI")


def restore_host_state(model: Any) -> None:
    """Leaves the web UI with what it needs to go on without us."""
    loaded = find_loaded_vae(model)
    if loaded is not None and loaded.origin is not None and loaded.origin.trial is not None:
        sd_vae.loaded_vae_file = model.loaded_vae_file = (
            loaded.origin.trial.label
        )  # of no file: it loads what is wanted
    if loaded is not None and loaded.baked is not None and loaded.origin != BAKED_ORIGIN:
        model.base_vae = sd_vae.base_vae = as_state_dict(model.first_stage_model, loaded.baked)
        sd_vae.checkpoint_info = model.sd_checkpoint_info


def _take(model: Any, loaded: LoadedVae, strict: bool) -> bool:
    """Goes down the choices until one can be used; what is tried on comes first."""
    if trial := trial_for(loaded.checkpoint):
        return put_weights(model, loaded, WeightsOrigin(None, trial=trial), "tried on", ())
    refused: dict[str, str] = {}
    while True:
        choice = choice_for(loaded.checkpoint, refused)
        if strict and objection(choice):
            raise _refusal(loaded, choice, refused)
        if choice.source is Source.NOTHING:
            return _keep(model, loaded, choice)
        path = _path(choice)
        try:
            return _use(model, loaded, path, choice.reason, choice.warnings)
        except WorkbenchError as error:
            own = names_of(loaded.checkpoint)
            files = {path} if path else own
            if files <= refused.keys():
                raise
            name = printable(Path(path or loaded.checkpoint).name)
            why = f"it {told}" if (told := _without(name, error.what)) else error.what
            refused.update(dict.fromkeys(files, why))
            if isinstance(error, LASTING):
                for checkpoint, file in product(own, files):
                    refusals.note(checkpoint, file, stamp_of(file), why.rstrip("."))


def _keep(model: Any, loaded: LoadedVae, choice: Choice) -> bool:
    """What the model has stays, as nothing can be used."""
    if loaded.origin is None:
        if not isinstance(choice, StockChoice):
            raise NoVae(" ".join(choice.warnings), "Then choose the checkpoint again")
        sd_vae.loaded_vae_file = model.loaded_vae_file = None
    for warning in choice.warnings if choice.warnings != loaded.warnings else ():
        logger.warning("%s", warning)
    loaded.warnings = choice.warnings
    return False


def _note_state(model: Any, loaded: LoadedVae) -> None:
    """Has everything that shows what is in use ask again, if it is another state than at the last look."""
    global _state
    told = loaded.reason, loaded.warnings, loaded.error, loaded.offer
    state = id(model), loaded.checkpoint, loaded.origin, *told, shared.opts.sd_vae
    if state != _state:
        _state = state
        revision.bump()


def _refusal(loaded: LoadedVae, choice: Choice, refused: Mapping[str, str]) -> Refused:
    try:
        confirmable = choose(loaded.checkpoint, force=True, refused=refused).source is Source.SETTING
    except Exception:  # noqa: BLE001  # the library cannot be asked, which was told when it was chosen
        confirmable = False
    return Refused(objection(choice), "The VAE from before is still in use", confirmable=confirmable)


def _path(choice: Choice) -> str | None:
    return choice.vae.path if choice.vae else None


def _without(name: str, sentence: str) -> str:
    """What a sentence that begins with a name goes on with; empty if it does not."""
    return sentence[len(name) + 1 :] if sentence.startswith(f"{name} ") else ""


def _use(model: Any, loaded: LoadedVae, path: str | None, reason: str, warnings: tuple[str, ...]) -> bool:
    """Copies a VAE into the model unless it is there; errors as :func:`put_weights`."""
    origin = BAKED_ORIGIN if path is None else WeightsOrigin(os.path.abspath(path), stamp_of(path))  # noqa: PTH100
    return put_weights(model, loaded, origin, reason, warnings)
