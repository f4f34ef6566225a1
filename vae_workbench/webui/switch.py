"""Gives the model in use its VAE, all of it or none: the only place where the weights of a VAE in use change.

The callers hold the web UI's queue lock, or load a model while nobody uses it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from modules import sd_vae

from ..errors import InvalidInput, WorkbenchError
from . import options, vae_list
from .candidates import SELECTED, Candidate, candidates, selected_name, unknown
from .fitting import check_space, identified, matching
from .log import logger
from .own_vae import OWN, Content, Held, adopted, held_by
from .recent_vaes import RecentVaes
from .swap import DoesNotFit, VaeWeights, as_state_dict, copy_into, stamp_of

BEST_MATCH = "the best match among your files"

recent = RecentVaes()
_lock = threading.RLock()
_confirmed: set[Content] = set()  # files that the person wants although their latent space is likely to be another


class NoVae(WorkbenchError):
    """A checkpoint without a VAE, and no file that could stand in."""


def held_in(model: Any) -> Held:
    """The record of a model in memory."""
    return held_by(model) or adopted(model)


def switch(model: Any, *, strict: bool = False) -> bool:
    """Gives a model the VAE that was chosen for it; quick if it has that one.

    Args:
        model: one whose weights are loaded.
        strict: whether what is selected in the top bar has to be used. Otherwise the next choice is taken, with a warning.

    Returns:
        whether the VAE is another one than before.

    Raises:
        WorkbenchError: strict, and it cannot be used. The model is as before, and its record says why.
    """
    with _lock:
        held = held_in(model)
        choices = candidates(held.checkpoint)
        if strict and unknown(selected_name()):
            raise _refused(held, InvalidInput(f"There is no VAE {selected_name()!r}", "Choose one of the list"))
        first = next(choices)
        if strict and first.reason == SELECTED and first.path is not None:
            return switch_to(model, first)
        return _take(model, held, chain([first], choices))


def switch_to(model: Any, choice: Candidate, *, confirmed: bool = False) -> bool:
    """Gives a model this VAE, whatever was chosen for its checkpoint.

    Args:
        model: one whose weights are loaded.
        choice: what to use.
        confirmed: whether the person wants it although it is likely to be of another latent space.

    Returns:
        whether the VAE is another one than before.

    Raises:
        WorkbenchError: it cannot be used. The model is as before, and its record says why.
    """
    with _lock:
        held = held_in(model)
        if confirmed and choice.path is not None:
            _confirmed.add(_content(choice))
        try:
            return _use(model, held, choice)
        except WorkbenchError as error:
            raise _refused(held, error) from error.__cause__


def settle(model: Any, held: Held, first: Candidate) -> None:
    """Gives a model that has just got the weights of a checkpoint its VAE: ``first``, or what comes after it.

    Raises:
        NoVae: the checkpoint has none, and there is none that fits.
    """
    with _lock:
        rest = candidates(held.checkpoint)
        first = next((choice for choice in rest if choice.path == first.path), first)
        _take(model, held, chain([first], rest))


def hand_back(model: Any) -> None:
    """Leaves the web UI with what it needs to go on without us."""
    held = held_by(model)
    if held is not None and held.own is not None and held.content != OWN:
        model.base_vae = sd_vae.base_vae = as_state_dict(model.first_stage_model, held.own)
        sd_vae.checkpoint_info = model.sd_checkpoint_info


def _take(model: Any, held: Held, choices: Iterable[Candidate]) -> bool:
    """The first that can be used; if there is none, what the model has.

    Raises:
        NoVae: there is none, and what the model has is nobody's.
    """
    refusals: list[str] = []
    for choice in chain(choices, _substitutes(model)):
        try:
            changed = _use(model, held, choice)
        except WorkbenchError as error:
            refusals += [_why_not(held, choice, error)] if choice.reason != BEST_MATCH else []
            continue
        held.warnings = tuple(dict.fromkeys((*choice.warnings, *refusals)))
        return changed
    if held.content is None:
        raise NoVae(
            f"{Path(held.checkpoint).name} has no VAE in it, and none of your files fits it",
            "Put one into models/VAE, then choose the checkpoint again",
        )
    held.warnings = tuple(refusals)
    return False


def _why_not(held: Held, choice: Candidate, error: WorkbenchError) -> str:
    if choice.path is None:
        return f"{Path(held.checkpoint).name} has no VAE of its own."
    logger.warning("%s", error)
    return str(error)


def _substitutes(model: Any) -> Iterator[Candidate]:
    """Files that may stand in where nothing that was chosen can be used."""
    for path in matching(model, list(sd_vae.vae_dict.values())):
        warning = f"{vae_list.name_of(path)} stands in. Set a VAE for this checkpoint if you want another."
        yield Candidate(path, BEST_MATCH, (warning,))


def _use(model: Any, held: Held, choice: Candidate) -> bool:
    """Copies a VAE into the model unless it is there.

    Raises:
        WorkbenchError: it cannot be used. Nothing has changed.
    """
    content = _content(choice)
    changed = held.content != content
    if changed:
        weights = _weights(model, held, content)
        content = Content(content.path, weights.stamp) if content.path else OWN
        _exchange(model, held, content, weights)
        logger.info("%s, %s", vae_list.name_of(content.path) if content.path else "baked VAE", choice.reason)
    held.reason, held.warnings, held.error, held.refused = choice.reason, choice.warnings, "", None
    sd_vae.loaded_vae_file = model.loaded_vae_file = content.path
    sd_vae.base_vae = model.base_vae = None  # see hand_back
    return changed


def _content(choice: Candidate) -> Content:
    if choice.path is None:
        return OWN
    path = os.path.abspath(choice.path)  # noqa: PTH100  # resolve() would follow links
    return Content(path, stamp_of(path))


def _weights(model: Any, held: Held, content: Content) -> VaeWeights:
    """The weights, known to be usable in this model."""
    try:
        if content.path is None:
            return held.own_weights(model.first_stage_model)
        weights = recent.get(content.path, model.first_stage_model, options.cache_megabytes())
    except (MemoryError, RuntimeError) as error:
        name = Path(content.path or held.checkpoint).name
        raise WorkbenchError(f"There is not enough memory for {name}", "Close other programs, or restart") from error
    check_space(content.path, model, identified, confirmed=content in _confirmed)
    return weights


def _exchange(model: Any, held: Held, content: Content, weights: VaeWeights) -> None:
    """The one place where weights change."""
    before = held.content
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


def _refused(held: Held, error: WorkbenchError) -> WorkbenchError:
    logger.warning("%s", error)
    held.error = str(error)
    held.refused = error.path if isinstance(error, DoesNotFit) and error.confirmable else None
    return error
