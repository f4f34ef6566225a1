"""The line below the VAE selector: what is really in use, why, and in what precision; and what the selector's entries mean.

``javascript/vae_workbench_active.js`` asks for it again whenever it may have changed: see :mod:`.revision_route`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr
from modules import script_callbacks, sd_models, shared
from modules.call_queue import queue_lock

from ...errors import WorkbenchError
from ...printable import printable
from ..log import logger, tell
from ..patching import described
from ..switching.switch import OPTION, select
from ..switching.try_on import take_off_now
from .active_vae import Active, active
from .selector_entries import meanings_now

SELECTOR, REFRESH_LIST = "setting_sd_vae", "refresh_sd_vae"
LINE, CONFIRM, TAKE_OFF = "vaewb_active", "vaewb_active_confirm", "vaewb_active_take_off"
REFRESH, SYNC = "vaewb_active_refresh", "vaewb_active_sync"
"""Buttons that the script presses; the style sheet hides them, as one that is not visible is not on the page."""

NOTHING = "no checkpoint is loaded yet"


_selector: gr.Dropdown | None = None


def add_line(component: Any, **details: Any) -> None:
    """Called after each component of the page; puts the line behind the selector and its button, wherever they are."""
    global _selector
    if details.get("elem_id") == SELECTOR and isinstance(component, gr.Dropdown):
        _selector = component
    if details.get("elem_id") != REFRESH_LIST or _selector is None:
        return
    with gr.Column(elem_id=f"{LINE}_box", min_width=160):
        line = gr.HTML(_line, elem_id=LINE)
        confirm = gr.Button("Use it all the same", elem_id=CONFIRM, size="sm", visible=False)
        take_off = gr.Button("Take it off", elem_id=TAKE_OFF, size="sm", visible=False)
        refresh, sync = gr.Button(elem_id=REFRESH), gr.Button(elem_id=SYNC)
    for block in (line, confirm, take_off, refresh, sync):
        block.do_not_save_to_config = True
    shown = [line, confirm, take_off]
    refresh.click(_now, outputs=shown, show_progress=False, queue=False)
    sync.click(_selection, outputs=[_selector], show_progress=False, queue=False)
    confirm.click(_confirm, outputs=[*shown, _selector], show_progress=False, queue=False)
    take_off.click(_take_off, outputs=shown, show_progress=False, queue=False)


def as_html(now: Active | None, entries: Mapping[str, str] | None = None) -> str:
    """The line, amber where something was overruled, guessed or refused; the sentences are its tooltip and come below.

    ``entries`` of the selector and what they mean go with it, for the script that shows them in the list; so does what is
    selected, as the list on the page may show what was selected there last.
    """
    if now is None:
        return f"<span class='vaewb-active'>{NOTHING}</span>"
    told = [*filter(None, [now.error]), *now.warnings]
    mark = " vaewb-active-amber" if told else ""
    notes = "".join(f"<small>{escape(sentence)}</small>" for sentence in [*told, *filter(None, [now.hint])])
    means = escape(json.dumps(entries or {}))
    data = f"data-setting='{escape(str(getattr(shared.opts, OPTION)))}' data-entries='{means}'"
    line = f"<span class='vaewb-active{mark}' title='{escape(printable(now.path))}' {data}>{escape(now.line())}</span>"
    return f"{line}{notes}"


def _line() -> str:
    return _now()[0]


def _now() -> tuple[str, Any, Any]:
    try:
        now = active()
        offered, tried_on = bool(now and now.offer), bool(now and now.tried_on)
        return as_html(now, meanings_now()), gr.update(visible=offered), gr.update(visible=tried_on)
    except Exception as error:  # noqa: BLE001  # whatever it is, the page is there
        logger.warning("The line below the VAE selector is left empty: %s.", described(error))
        return "", gr.update(visible=False), gr.update(visible=False)


def _selection() -> Any:
    """What is selected, for the selector; nothing while a picture is made, which may have a VAE of its own."""
    if not queue_lock.acquire(blocking=False):
        return gr.update()
    try:
        return gr.update(value=getattr(shared.opts, OPTION))
    finally:
        queue_lock.release()


def _confirm() -> tuple[str, Any, Any, Any]:
    with queue_lock:
        now, model = active(), sd_models.model_data.sd_model
        if now and now.offer and model is not None:
            try:
                if select(model, now.offer, force=True):
                    script_callbacks.model_loaded_callback(model)
                shared.opts.save(shared.config_filename)
            except WorkbenchError as error:
                tell(str(error))
    return *_now(), gr.update(value=getattr(shared.opts, OPTION))


def _take_off() -> tuple[str, Any, Any]:
    with queue_lock:
        try:
            take_off_now()
        except WorkbenchError as error:
            tell(str(error))
    return _now()
