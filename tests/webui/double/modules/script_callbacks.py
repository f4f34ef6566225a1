"""Callbacks: each list is run by the web UI at its moment; Reload UI clears them all."""

_callbacks = {}


def _register(moment, callback):
    _callbacks.setdefault(moment, []).append(callback)


def on_ui_settings(callback, *, name=None):
    _register("ui_settings", callback)


def on_before_ui(callback, *, name=None):
    _register("before_ui", callback)


def on_ui_tabs(callback, *, name=None):
    _register("ui_tabs", callback)


def on_app_started(callback, *, name=None):
    _register("app_started", callback)


def on_script_unloaded(callback, *, name=None):
    _register("script_unloaded", callback)


def on_model_loaded(callback, *, name=None):
    _register("model_loaded", callback)


def on_infotext_pasted(callback, *, name=None):
    _register("infotext_pasted", callback)


def on_after_component(callback, *, name=None):
    _register("after_component", callback)


def model_loaded_callback(sd_model):
    for callback in _callbacks.get("model_loaded", []):
        callback(sd_model)


def infotext_pasted_callback(infotext, params):
    for callback in _callbacks.get("infotext_pasted", []):
        callback(infotext, params)


def after_component_callback(component, **kwargs):
    for callback in _callbacks.get("after_component", []):
        callback(component, **kwargs)


def ui_settings_callback():
    for callback in _callbacks.get("ui_settings", []):
        callback()


def before_ui_callback():
    for callback in _callbacks.get("before_ui", []):
        callback()


def ui_tabs_callback():
    return [tab for callback in _callbacks.get("ui_tabs", []) for tab in callback() or []]


def app_started_callback(demo, app):
    for callback in _callbacks.get("app_started", []):
        callback(demo, app)


def script_unloaded_callback():
    for callback in reversed(_callbacks.get("script_unloaded", [])):
        callback()


def clear_callbacks():
    _callbacks.clear()
