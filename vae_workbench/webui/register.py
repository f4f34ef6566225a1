"""Everything that is done to the web UI, and how it is undone.

The script file calls :func:`register` each time the web UI runs it: at the start and at every Reload UI. The web UI then
forgets all callbacks by itself; what else was done is undone by :func:`unregister`, which is one of them.
"""

from __future__ import annotations

from modules import sd_models

from ..ui.compare.comparisons import add_comparison_route
from ..ui.evaluate.evaluations import add_evaluation_routes
from ..ui.shared.job_route import add_job_route
from . import callbacks, console_errors, log, options, patching
from .api import options_route
from .api import routes as api
from .choosing import metadata_editor, printable_names
from .generations import route, script
from .generations.keep import KEPT
from .guarding import guard
from .host import JOBS, comparisons, evaluations
from .library import BackgroundScan
from .showing import generation, quicksettings, revision_route, selector_entries, status_line, tab, xyz_plot
from .switching import merger, vae_loading

LEFT_OUT = (
    "This web UI (Forge) manages VAEs by itself: of it, only the checkpoint merger is changed. Compare and examine VAEs in the"
    " standalone app (python run.py app)."
)

JOBS_PATIENCE = 2
"""Seconds in which the work of the pages is to stop before the web UI loads its scripts again."""

_background_scan: BackgroundScan | None = None


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
    console_errors.patch_error_reports()
    printable_names.patch_checkpoint_names()
    vae_loading.patch_loading()
    vae_loading.patch_selector()
    selector_entries.patch_list()
    generation.patch_generation()
    callbacks.on("ui_settings", options.add_options)
    callbacks.on("before_ui", quicksettings.show_vae_selector)
    callbacks.on("before_ui", xyz_plot.patch_axis)
    callbacks.on("before_ui", metadata_editor.patch_editor)
    callbacks.on("infotext_pasted", generation.infotext_pasted)
    callbacks.on("after_component", status_line.add_line)
    callbacks.on("ui_tabs", tab.build_tab)
    callbacks.on("app_started", lambda _demo, _app: quicksettings.restore())
    callbacks.on("app_started", lambda _demo, app: printable_names.patch_routes(app))
    callbacks.on("app_started", api.add_routes)
    callbacks.on("app_started", lambda _demo, app: add_job_route(app, JOBS))
    callbacks.on("app_started", lambda _demo, app: add_comparison_route(app, comparisons(), KEPT))
    callbacks.on("app_started", lambda _demo, app: add_evaluation_routes(app, evaluations()))
    callbacks.on("app_started", route.add_route)
    callbacks.on("app_started", options_route.watch_options)
    callbacks.on("app_started", revision_route.add_route)
    callbacks.on("app_started", _start_background_scan)
    guard.register()
    script.patch_generations()


def unregister() -> None:
    """Takes back what :func:`register` did beyond the callbacks."""
    quicksettings.restore()
    JOBS.cancel_all(JOBS_PATIENCE)
    _stop_background_scan()
    guard.unregister()
    generation.unpatch_generation()
    vae_loading.unpatch_loading()
    patching.undo_all()
    log.detach()


def _start_background_scan(_demo: object, _app: object) -> None:
    global _background_scan
    _stop_background_scan()
    _background_scan = BackgroundScan()
    _background_scan.start()


def _stop_background_scan() -> None:
    global _background_scan
    if _background_scan is not None:
        _background_scan.stop()
    _background_scan = None
