"""The web UI's own functions for VAEs, replaced by ours: what it calls when a checkpoint is loaded or another VAE is chosen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from modules import script_callbacks, sd_models, sd_vae, shared
from modules.call_queue import queue_lock

from ...errors import WorkbenchError
from ...identity.architecture.signature import Signature
from ..choosing import vae_list
from ..choosing.choose import networks, note_selection, refusals
from ..choosing.current_choice import choice_for, names_of
from ..log import tell
from ..patching import Function, carry_on, falls_back, replace
from .loaded_vae import PREFIX, adopt, find_loaded_vae, forget, record_loaded_checkpoint
from .swap import rename_in, shapes_of
from .switch import restore_host_state, switch, switch_after_load, switch_to
from .trial import end_with_another_checkpoint, note_trial
from .vae_hash import get_loaded_vae_hash

ASKED_FOR = "asked for by another extension"

_loading: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
"""Models that get the weights of a checkpoint right now, and whether it brings a whole VAE."""


def patch_loading() -> None:
    """Puts our functions in place, each with the web UI's own below it; see :mod:`.patching` for how they go again."""
    replace(sd_models, "load_model_weights", _load_model_weights)
    replace(sd_vae, "refresh_vae_list", lambda original: lambda: vae_list.refresh(original))
    for ours, name, doing, before in (
        (_resolve_vae, "resolve_vae", "Choosing the VAE", _nothing),
        (_load_vae, "load_vae", "Loading the VAE", _as_stock),
        (_reload_vae_weights, "reload_vae_weights", "Switching the VAE", _as_stock),
        (vae_list.beside, "find_vae_near_checkpoint", "Looking for a VAE beside the checkpoint", _nothing),
        (_get_loaded_vae_name, "get_loaded_vae_name", "Naming the VAE", _nothing),
        (get_loaded_vae_hash, "get_loaded_vae_hash", "Hashing the VAE", _nothing),
    ):
        replace(sd_vae, name, _with_fallback(ours, doing, before))


def _with_fallback(ours: Function, doing: str, before: Function) -> Callable[[Function | None], Function]:
    return lambda original: falls_back(ours, original or _nothing, doing, before)


def _nothing(*_: Any, **__: Any) -> None:
    """The web UI's own function needs nothing."""


def _as_stock(sd_model: Any = None, *_: Any, **__: Any) -> None:
    """Has the web UI find what it would have without us; the model's record is made anew from that."""
    model = sd_model or shared.sd_model
    restore_host_state(model)
    forget(model)


def patch_selector() -> None:
    """Has the selector in the top bar refuse what cannot be used, instead of taking the next choice; both end a trial."""
    note_selection(str(shared.opts.sd_vae))
    selected = _with_fallback(_selected, "Switching the VAE", _nothing)
    replace(shared.opts.data_labels["sd_vae"], "onchange", selected)
    replace(shared.opts.data_labels["sd_model_checkpoint"], "onchange", _checkpoint_selected)


def unpatch_loading() -> None:
    """Leaves the models in memory as the web UI's own functions need them. Called before the functions are put back."""
    note_trial(None)
    used = sd_models.model_data.sd_model
    for model in sorted(getattr(sd_models.model_data, "loaded_sd_models", ()), key=lambda model: model is used):
        with carry_on("Taking off the VAE that was tried on"), suppress(WorkbenchError):
            loaded = find_loaded_vae(model)
            if loaded is not None and loaded.origin is not None and loaded.origin.trial is not None:
                switch(model)
        restore_host_state(model)
    if used is not None:
        sd_vae.loaded_vae_file = getattr(used, "loaded_vae_file", None)


def _load_model_weights(original: Function) -> Function:
    """A checkpoint's weights into a model. At its end it calls ``resolve_vae`` and ``load_vae``."""

    def load_model_weights(model: Any, checkpoint_info: Any, state_dict: Any, timer: Any, *rest: Any) -> Any:
        if state_dict is None:
            state_dict = sd_models.get_checkpoint_state_dict(checkpoint_info, timer)
        forget(model)
        with carry_on("Looking for the checkpoint's VAE"):
            _loading[model] = rename_in(state_dict, PREFIX, model.first_stage_model)
            for name in names_of(checkpoint_info.filename):
                networks[name] = Signature(shapes_of(model.first_stage_model)).id
                refusals.forget_all(name)  # it may get another network than it had
        try:
            return original(model, checkpoint_info, state_dict, timer, *rest)
        finally:
            _loading.pop(model, None)

    return load_model_weights


def _resolve_vae(checkpoint_file: str) -> Any:
    choice = choice_for(checkpoint_file)
    return sd_vae.VaeResolution(choice.vae.path if choice.vae else None, choice.reason)


def _load_vae(model: Any, vae_file: str | None = None, vae_source: str = ASKED_FOR) -> None:
    complete = _loading.pop(model, None)
    if complete is not None:
        switch_after_load(model, record_loaded_checkpoint(model, complete), vae_file, vae_source)
    elif find_loaded_vae(model) is None:  # a model new to us: some web UIs load weights without load_model_weights
        switch_after_load(model, adopt(model), vae_file, vae_source)
    else:
        switch_to(model, vae_file, vae_source)


def _reload_vae_weights(sd_model: Any = None, vae_file: Any = sd_vae.unspecified) -> Any:
    model = sd_model or shared.sd_model
    if model is None:
        return None
    if not (switch(model) if vae_file is sd_vae.unspecified else switch_to(model, vae_file, ASKED_FOR)):
        return None
    script_callbacks.model_loaded_callback(model)
    return model


def _selected() -> None:
    """The selection was changed. An error makes the web UI take it back."""
    with queue_lock:
        before = note_selection(str(shared.opts.sd_vae))
        model = shared.sd_model
        try:
            changed = model is not None and switch(model, strict=True)
        except WorkbenchError as error:
            note_selection(before)
            tell(str(error))
            raise  # the web UI takes the selection back; see ..console_errors for what it prints
        if changed:
            script_callbacks.model_loaded_callback(model)


def _checkpoint_selected(original: Function | None) -> Function:
    def checkpoint_selected() -> None:
        if original is not None:
            original()
        model = sd_models.model_data.sd_model
        if model is not None:
            end_with_another_checkpoint(model.sd_checkpoint_info.filename)

    return checkpoint_selected


def _get_loaded_vae_name() -> str | None:
    model = sd_models.model_data.sd_model
    loaded = find_loaded_vae(model) if model is not None else None
    if loaded and loaded.origin and loaded.origin.trial:
        return loaded.origin.trial.label
    path = sd_vae.loaded_vae_file
    return None if path is None else vae_list.name_of(path)
