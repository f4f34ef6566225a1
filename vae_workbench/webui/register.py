"""Everything that is done to the web UI, and how it is undone.

The script file calls :func:`register` each time the web UI runs it: at the start and at every Reload UI. The web UI then
forgets all callbacks by itself; what else was done is undone by :func:`unregister`, which is one of them.
"""

from __future__ import annotations

from modules import script_callbacks

from . import (
    api,
    generation,
    guard,
    log,
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

_upkeep: Upkeep | None = None


def register() -> None:
    """Registers the callbacks of the extension; safe to call again after the web UI unloaded its scripts."""
    log.attach()
    vae_loading.patch_loading()
    vae_loading.patch_selector()
    generation.patch_generation()
    script_callbacks.on_ui_settings(options.add_options)
    script_callbacks.on_before_ui(quicksettings.show_vae_selector)
    script_callbacks.on_before_ui(xyz_plot.patch_axis)
    script_callbacks.on_before_ui(metadata_editor.patch_editor)
    script_callbacks.on_infotext_pasted(generation.infotext_pasted)
    script_callbacks.on_after_component(status_line.add_line)
    script_callbacks.on_ui_tabs(tab.build_tab)
    script_callbacks.on_app_started(lambda _demo, _app: quicksettings.restore())
    script_callbacks.on_app_started(api.add_routes)
    script_callbacks.on_app_started(_start_upkeep)
    guard.register()
    script_callbacks.on_script_unloaded(unregister)


def unregister() -> None:
    """Takes back what :func:`register` did beyond the callbacks."""
    quicksettings.restore()
    _stop_upkeep()
    guard.unregister()
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
