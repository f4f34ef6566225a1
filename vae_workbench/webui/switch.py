"""Gives the model in use its VAE, all of it or none: the only place where the weights of a VAE in use change.

The callers hold the web UI's queue lock, or load a model while nobody uses it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from modules import sd_vae, shared

from ..choice.decide import Choice, Source
from ..errors import InvalidInput, WorkbenchError
from . import guard, options, vae_list
from .choosing import choose
from .library import folders, library
from .log import logger
from .own_vae import OWN, Content, Held, adopted, held_by
from .recent_vaes import RecentVaes
from .swap import DoesNotFit, as_state_dict, copy_into
from .vae_weights import VaeOnDisk, VaeWeights, stamp_of

OPTION, AUTOMATIC, NONE = "sd_vae", "Automatic", "None"

recent = RecentVaes()
_lock = threading.RLock()
_confirmed: set[tuple[str, str]] = set()
"""Pairs of checkpoint file and name in the top bar that a person wants although they probably do not fit."""


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


def held_in(model: Any) -> Held:
    """The record of a model in memory."""
    return held_by(model) or adopted(model)


def switch(model: Any, *, strict: bool = False) -> bool:
    """Gives a model the VAE that was chosen for its checkpoint; quick if it has that one.

    Args:
        model: one whose weights are loaded.
        strict: whether what is selected in the top bar has to be used. Otherwise the next choice is taken, with a warning.

    Returns:
        whether the VAE is another one than before.

    Raises:
        Refused: strict, and it cannot be used. The model is as before.
        NoVae: nothing can be used, and what the model has is nobody's.
    """
    with _lock:
        held = held_in(model)
        try:
            return _take(model, held, strict)
        except WorkbenchError as error:
            held.error = str(error)
            held.offer = shared.opts.sd_vae if isinstance(error, Refused) and error.confirmable else ""
            logger.warning("%s", error)
            raise


def switch_to(model: Any, path: str | None, reason: str) -> bool:
    """Gives a model this VAE file, or its checkpoint's own, whatever was chosen.

    Returns:
        whether the VAE is another one than before.

    Raises:
        WorkbenchError: it cannot be used. The model is as before.
    """
    with _lock:
        return _use(model, held_in(model), path, reason, ())


def settle(model: Any, held: Held, path: str | None, reason: str) -> None:
    """Gives a model that has just got the weights of a checkpoint its VAE.

    Args:
        model: it.
        held: its new record.
        path: what the web UI resolved to use. If that is not what was chosen, another extension wants it.
        reason: the web UI's for it.

    Raises:
        NoVae: the checkpoint has none, and there is none that fits.
    """
    with _lock:
        if path != _path(chosen(held.checkpoint)):
            try:
                _use(model, held, path, reason, ())
                return
            except WorkbenchError as error:
                logger.warning("%s", error)
        _take(model, held, strict=False)


def chosen(checkpoint: str, refused: Mapping[str, str] | None = None) -> Choice:
    """What was chosen for a checkpoint file; ``refused`` as in :func:`.choosing.choose`."""
    force = (checkpoint, str(shared.opts.sd_vae)) in _confirmed
    try:
        choice = choose(checkpoint, force=force, refused=refused)
        if choice.vae and stamp_of(choice.vae.path) != (choice.vae.size, choice.vae.mtime_ns):
            library().scan(folders())
            choice = choose(checkpoint, force=force, refused=refused)
    except WorkbenchError as error:  # preferences that cannot be read
        source = Source.NOTHING if refused else Source.OWN
        return Choice(None, source, "the checkpoint's own", (str(error),), ())
    return choice


def objection(choice: Choice) -> str:
    """Why the file that is selected in the top bar was passed over, as a sentence; empty if it was not."""
    if shared.opts.sd_vae == NONE:  # a checkpoint without a VAE gets one all the same
        return ""
    passed = takewhile(lambda step: not step.taken, choice.steps)
    mine = (step for step in passed if step.source is Source.SETTING and step.found)
    return next((f"{step.found}{step.why.removeprefix('It')}" for step in mine), "")


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
    path = None if name in (AUTOMATIC, NONE) else vae_list.find(name)
    if path is None and name not in (AUTOMATIC, NONE):
        raise InvalidInput(f"There is no VAE {name!r}", "Choose one of the list")
    wanted = vae_list.name_of(path) if path else name
    pair, before = (held_in(model).checkpoint, wanted), shared.opts.sd_vae
    known = not force or pair in _confirmed
    _set(wanted)
    if force:
        _confirmed.add(pair)
    try:
        return switch(model, strict=True)
    except WorkbenchError:
        _set(before)
        if not known:
            _confirmed.discard(pair)
        raise


def _set(name: str) -> None:
    try:
        shared.opts.set(OPTION, name, run_callbacks=False)
    except AssertionError as error:
        raise InvalidInput(f"The VAE cannot be chosen: {error}", "Start the web UI without that option") from error
    if shared.opts.sd_vae != name:
        raise InvalidInput("The VAE cannot be chosen: that setting is restricted", "Ask who runs this web UI")


def hand_back(model: Any) -> None:
    """Leaves the web UI with what it needs to go on without us."""
    held = held_by(model)
    if held is not None and held.own is not None and held.content != OWN:
        model.base_vae = sd_vae.base_vae = as_state_dict(model.first_stage_model, held.own)
        sd_vae.checkpoint_info = model.sd_checkpoint_info


def _take(model: Any, held: Held, strict: bool) -> bool:
    """Goes down the choices until one can be used."""
    refused: dict[str, str] = {}
    while True:
        choice = chosen(held.checkpoint, refused)
        if strict and objection(choice):
            raise _refusal(held, choice, refused)
        if choice.source is Source.NOTHING:
            return _keep(held, choice)
        path = _path(choice)
        try:
            return _use(model, held, path, choice.reason, choice.warnings)
        except WorkbenchError as error:
            file = path or library().entry(held.checkpoint).path
            if file in refused:
                raise
            refused[file] = f"it {told}" if (told := _without(Path(file).name, error.what)) else error.what


def _keep(held: Held, choice: Choice) -> bool:
    if held.content is None:
        raise NoVae(" ".join(choice.warnings), "Then choose the checkpoint again")
    held.warnings = choice.warnings
    return False


def _refusal(held: Held, choice: Choice, refused: Mapping[str, str]) -> Refused:
    forced = choose(held.checkpoint, force=True, refused=refused)
    confirmable = forced.source is Source.SETTING
    return Refused(objection(choice), "The VAE from before is still in use", confirmable=confirmable)


def _path(choice: Choice) -> str | None:
    return choice.vae.path if choice.vae else None


def _without(name: str, sentence: str) -> str:
    """What a sentence that begins with a name goes on with; empty if it does not."""
    return sentence[len(name) + 1 :] if sentence.startswith(f"{name} ") else ""


def _use(model: Any, held: Held, path: str | None, reason: str, warnings: tuple[str, ...]) -> bool:
    """Copies a VAE into the model unless it is there.

    Raises:
        WorkbenchError: it cannot be used. Nothing has changed.
    """
    content = OWN if path is None else Content(os.path.abspath(path), stamp_of(path))  # noqa: PTH100
    changed = held.content != content
    if changed:
        weights = _weights(model, held, content)
        content = Content(content.path, weights.stamp) if content.path else OWN
        _exchange(model, held, content, weights)
        logger.info("%s, %s", vae_list.name_of(content.path) if content.path else "baked VAE", reason)
    for warning in warnings if warnings != held.warnings else ():
        logger.warning("%s", warning)
    held.reason, held.warnings, held.error, held.offer = reason, warnings, "", ""
    sd_vae.loaded_vae_file = model.loaded_vae_file = content.path
    sd_vae.base_vae = model.base_vae = None  # see hand_back
    return changed


def _weights(model: Any, held: Held, content: Content) -> VaeWeights | VaeOnDisk:
    """The weights, known to be whole and to fit this model."""
    try:
        if content.path is None:
            return held.own_weights(model.first_stage_model)
        return recent.get(content.path, model.first_stage_model, options.cache_megabytes())
    except (MemoryError, RuntimeError) as error:
        name = Path(content.path or held.checkpoint).name
        raise WorkbenchError(f"There is not enough memory for {name}", "Close other programs, or restart") from error


def _exchange(model: Any, held: Held, content: Content, weights: VaeWeights | VaeOnDisk) -> None:
    """The one place where weights change."""
    before = held.content
    guard.before_swap(model)
    held.take_own(model.first_stage_model)
    held.content = None
    try:
        copy_into(model.first_stage_model, weights)
    except DoesNotFit:
        held.content = before
        raise
    except BaseException as error:
        _put_back(model, held, before)
        if isinstance(error, RuntimeError):
            raise WorkbenchError(f"The VAE could not be copied ({error})", "The one before is still in use") from error
        raise
    held.content = content


def _put_back(model: Any, held: Held, before: Content | None) -> None:
    """Makes good for a copy that stopped halfway. If that is not possible either, the next switch copies all anew."""
    if before is None:
        return
    try:
        copy_into(model.first_stage_model, _weights(model, held, before))
    except (WorkbenchError, RuntimeError) as error:
        logger.error("The VAE from before could not be put back: %s Choose a VAE again.", error)
    else:
        held.content = before
