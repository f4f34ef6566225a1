"""The web UI's own functions for VAEs, replaced by ours: what it calls when a checkpoint is loaded or another VAE is chosen."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from modules import script_callbacks, sd_models, sd_vae, shared
from modules.call_queue import queue_lock

from ..errors import WorkbenchError
from . import vae_list
from .log import tell
from .own_vae import PREFIX, adopted, arrived, forget, held_by
from .patching import Function, replace
from .swap import complete_in
from .switch import chosen, hand_back, settle, switch, switch_to
from .vae_hash import get_loaded_vae_hash

ASKED_FOR = "asked for by another extension"

_loading: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
"""Models that get the weights of a checkpoint right now, and whether it brings a whole VAE."""


def patch_loading() -> None:
    """Puts our functions in place; see :mod:`.patching` for how they go again."""
    replace(sd_models, "load_model_weights", _load_model_weights)
    replace(sd_vae, "resolve_vae", lambda _: _resolve_vae)
    replace(sd_vae, "load_vae", lambda _: _load_vae)
    replace(sd_vae, "reload_vae_weights", lambda _: _reload_vae_weights)
    replace(sd_vae, "find_vae_near_checkpoint", lambda _: vae_list.beside)
    replace(sd_vae, "refresh_vae_list", lambda original: lambda: vae_list.refresh(original))
    replace(sd_vae, "get_loaded_vae_name", lambda _: _get_loaded_vae_name)
    replace(sd_vae, "get_loaded_vae_hash", lambda _: get_loaded_vae_hash)


def patch_selector() -> None:
    """Has the selector in the top bar refuse what cannot be used, instead of taking the next choice."""
    replace(shared.opts.data_labels["sd_vae"], "onchange", lambda _: _selected)


def unpatch_loading() -> None:
    """Leaves the models in memory as the web UI's own functions need them. Called before the functions are put back."""
    for model in getattr(sd_models.model_data, "loaded_sd_models", ()):
        hand_back(model)


def _load_model_weights(original: Function) -> Function:
    """A checkpoint's weights into a model. At its end it calls ``resolve_vae`` and ``load_vae``."""

    def load_model_weights(model: Any, checkpoint_info: Any, state_dict: Any, timer: Any, *rest: Any) -> Any:
        if state_dict is None:
            state_dict = sd_models.get_checkpoint_state_dict(checkpoint_info, timer)
        shapes = {name: tensor.shape for name, tensor in state_dict.items() if name.startswith(PREFIX)}
        forget(model)
        _loading[model] = complete_in(shapes, PREFIX, model.first_stage_model)
        try:
            return original(model, checkpoint_info, state_dict, timer, *rest)
        finally:
            _loading.pop(model, None)

    return load_model_weights


def _resolve_vae(checkpoint_file: str) -> Any:
    choice = chosen(checkpoint_file)
    return sd_vae.VaeResolution(choice.vae.path if choice.vae else None, choice.reason)


def _load_vae(model: Any, vae_file: str | None = None, vae_source: str = ASKED_FOR) -> None:
    complete = _loading.pop(model, None)
    if complete is not None:
        settle(model, arrived(model, complete), vae_file, vae_source)
    elif held_by(model) is None:  # a model new to us: some web UIs load weights without load_model_weights
        settle(model, adopted(model), vae_file, vae_source)
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
        model = shared.sd_model
        try:
            changed = model is not None and switch(model, strict=True)
        except WorkbenchError as error:
            tell(str(error))
            raise
        if changed:
            script_callbacks.model_loaded_callback(model)


def _get_loaded_vae_name() -> str | None:
    path = sd_vae.loaded_vae_file
    return None if path is None else vae_list.name_of(path)
