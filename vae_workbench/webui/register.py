"""Everything that is done to the web UI, and how it is undone.

The script file calls :func:`register` each time the web UI runs it: at the start and at every Reload UI. The web UI then
forgets all callbacks by itself; what else was done is undone by :func:`unregister`, which is one of them.
"""

from __future__ import annotations

from modules import sd_models

from . import (
    api,
    callbacks,
    generation,
    guard,
    log,
    merger,
    metadata_editor,
    options,
    patching,
    quicksettings,
    status_line,
    tab,
    vae_loading,
    xyz_plot,
)
from .library import Upkeep

LEFT_OUT = (
    "This web UI (Forge) manages VAEs by itself: of it, only the checkpoint merger is changed. Compare and examine VAEs in the"
    " standalone app (python run.py app)."
)

_upkeep: Upkeep | None = None


def register() -> None:
    """Registers the callbacks of the extension; safe to call again after the web UI unloaded its scripts."""
    log.attach()
    callbacks.on("before_ui", merger.patch_merger)
    if loads_vaes_with_checkpoints():
        log.logger.info("%s", LEFT_OUT)
    else:
        _register_all()
    callbacks.on("script_unloaded", unregister)


def loads_vaes_with_checkpoints() -> bool:
    """Whether this is Forge: its models have no ``first_stage_model``, its ``sd_vae`` does nothing, its pages are of gradio 4."""
    return hasattr(sd_models, "forge_model_reload")


def _register_all() -> None:
    vae_loading.patch_loading()
    vae_loading.patch_selector()
    generation.patch_generation()
    callbacks.on("ui_settings", options.add_options)
    callbacks.on("before_ui", quicksettings.show_vae_selector)
    callbacks.on("before_ui", xyz_plot.patch_axis)
    callbacks.on("before_ui", metadata_editor.patch_editor)
    callbacks.on("infotext_pasted", generation.infotext_pasted)
    callbacks.on("after_component", status_line.add_line)
    callbacks.on("ui_tabs", tab.build_tab)
    callbacks.on("app_started", lambda _demo, _app: quicksettings.restore())
    callbacks.on("app_started", api.add_routes)
    callbacks.on("app_started", _start_upkeep)
    guard.register()


def unregister() -> None:
    """Takes back what :func:`register` did beyond the callbacks."""
    quicksettings.restore()
    _stop_upkeep()
    guard.unregister()
    generation.unpatch_generation()
    vae_loading.unpatch_loading()
    patching.undo_all()
    log.detach()


def _start_upkeep(_demo: object, _app: object) -> None:
    global _upkeep
    _stop_upkeep()
    _upkeep = Upkeep()
    _upkeep.start()


def _stop_upkeep() -> None:
    global _upkeep
    if _upkeep is not None:
        _upkeep.stop()
    _upkeep = None
