"""What a recipe makes, tried on: in use for the next pictures, without a file, until it is taken off or another one is chosen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import script_callbacks, sd_models, shared

from ...choice.fit import misfit, vae_traits
from ...errors import InvalidInput
from ...library.entry import Entry
from ...printable import printable
from ...progress import Progress, part, silent
from ..choosing import vae_list
from ..choosing.choose import candidates
from ..exclusive import exclusive
from ..library import library
from .loaded_vae import BAKED_ORIGIN, LoadedVae
from .swap import check_fit
from .switch import loaded_vae, switch
from .trial import Trial, note_trial
from .use import NO_CHECKPOINT
from .vae_weights import VaeWeights

if TYPE_CHECKING:
    from ...edit.recipe import Recipe
    from ...edit.state import State

MAKING = 0.9
"""The share of the work that making the weights takes in the progress."""


def try_on(recipe: Recipe, progress: Progress) -> str:
    """Takes what a recipe makes into use, between two pictures; returns a sentence on it.

    Raises:
        WorkbenchError: it cannot be made, or cannot be used. The VAE in use is as before.
        Cancelled: passed on from ``progress``; likewise.
    """
    with recipe.prepared(part(progress, 0, MAKING)) as state:
        name = _name(recipe, state)
        weights = VaeWeights(name, None, state.load_vae())
        notes = [*state.notes, *(sentence for finding in state.findings for sentence in finding())]
    source = library().entry(os.fspath(recipe.source))
    with exclusive(part(progress, MAKING, 1)):
        model = shared.sd_model
        if model is None:
            raise NO_CHECKPOINT
        loaded = loaded_vae(model)
        _require_fit(source, loaded.checkpoint, name)
        check_fit(weights, model.first_stage_model)
        _begin(model, Trial(name, loaded.checkpoint, str(shared.opts.sd_vae), weights))
    told = f"{name} is tried on: the next pictures are made with it. It is not saved."
    return " ".join(dict.fromkeys((told, *notes)))


def take_off(progress: Progress = silent) -> str:
    """Brings back the VAE that was chosen, between two pictures; returns a sentence on it.

    Raises:
        WorkbenchError: there is none, or it cannot be used any more.
        Cancelled: ``progress`` raised it while waiting; what is tried on stays.
    """
    with exclusive(progress):
        return take_off_now()


def take_off_now() -> str:
    """The same; the caller holds the queue lock."""
    trial, model = note_trial(None), sd_models.model_data.sd_model
    if trial is None or model is None:
        return "Nothing is tried on."
    if switch(model):
        script_callbacks.model_loaded_callback(model)
    loaded = loaded_vae(model)
    if loaded.origin is not None and loaded.origin.trial is trial:
        note_trial(trial)
        raise InvalidInput(f"{trial.name} stays: there is no other VAE for this checkpoint", "Choose one")
    return " ".join((f"{trial.name} was taken off. {_used(loaded)} is in use again.", *loaded.warnings))


def _begin(model: Any, trial: Trial) -> None:
    before = note_trial(trial)
    try:
        switch(model)
    except BaseException:
        note_trial(before)
        raise
    script_callbacks.model_loaded_callback(model)


def _name(recipe: Recipe, state: State) -> str:
    """Such as ``orangemix + tone``."""
    steps: Sequence[str] = [str(done.get("step", "changed")) for done in state.done]
    return printable(" + ".join((vae_list.stem(os.fspath(recipe.source)), *steps)))


def _require_fit(source: Entry, checkpoint: str, name: str) -> None:
    """Raises InvalidInput where the file that the recipe began with is of another latent space: no step changes that."""
    vae, (_, target) = vae_traits(source), candidates(checkpoint)
    fault = misfit(target, vae) if vae else None
    if fault is not None:
        raise InvalidInput(f"{name} does not fit this checkpoint: {fault.why}", "Choose a checkpoint for it first")


def _used(loaded: LoadedVae) -> str:
    if loaded.origin is None or loaded.origin == BAKED_ORIGIN or loaded.origin.path is None:
        return f"The VAE of {printable(Path(loaded.checkpoint).name)}"
    return vae_list.name_of(loaded.origin.path)
