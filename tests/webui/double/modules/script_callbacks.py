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
