"""Callbacks: each list is run by the web UI at its moment; Reload UI clears them all."""

import dataclasses

MOMENTS = (
    "ui_settings", "before_ui", "ui_tabs", "app_started", "script_unloaded", "model_loaded", "infotext_pasted",
    "after_component", "cfg_denoiser",
)  # fmt: skip
callback_map = {f"callbacks_{moment}": [] for moment in MOMENTS}


@dataclasses.dataclass
class CFGDenoiserParams:
    sampling_step: int
    total_sampling_steps: int


@dataclasses.dataclass
class ScriptCallback:
    script: str
    callback: object
    name: str = "unnamed"


def add_callback(callbacks, fun, *, name=None, category="unknown", filename=None):
    callbacks.append(ScriptCallback(filename, fun, name or category))


def on_model_loaded(callback, *, name=None):
    add_callback(callback_map["callbacks_model_loaded"], callback, name=name, category="model_loaded")


def _registered(moment):
    return [registered.callback for registered in callback_map[f"callbacks_{moment}"]]


def model_loaded_callback(sd_model):
    for callback in _registered("model_loaded"):
        callback(sd_model)


def infotext_pasted_callback(infotext, params):
    for callback in _registered("infotext_pasted"):
        callback(infotext, params)


def after_component_callback(component, **kwargs):
    for callback in _registered("after_component"):
        callback(component, **kwargs)


def cfg_denoiser_callback(params):
    for callback in _registered("cfg_denoiser"):
        callback(params)


def remove_callbacks_for_function(callback_func):
    for callbacks in callback_map.values():
        callbacks[:] = [registered for registered in callbacks if registered.callback != callback_func]


def ui_settings_callback():
    for callback in _registered("ui_settings"):
        callback()


def before_ui_callback():
    for callback in _registered("before_ui"):
        callback()


def ui_tabs_callback():
    return [tab for callback in _registered("ui_tabs") for tab in callback() or []]


def app_started_callback(demo, app):
    for callback in _registered("app_started"):
        callback(demo, app)


def script_unloaded_callback():
    for callback in reversed(_registered("script_unloaded")):
        callback()


def clear_callbacks():
    for callbacks in callback_map.values():
        callbacks.clear()
