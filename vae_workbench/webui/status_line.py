"""The line below the VAE selector: what is really in use, why, and in what precision; and what the selector's entries mean.

``javascript/vae_workbench_active.js`` asks for it again whenever a selection or a picture may have changed it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr
from modules import script_callbacks, sd_models, shared
from modules.call_queue import queue_lock

from ..errors import WorkbenchError
from .entries import meanings_now
from .log import tell
from .switch import OPTION, select
from .truth import Active, active

SELECTOR, REFRESH_LIST = "setting_sd_vae", "refresh_sd_vae"
LINE, REFRESH, CONFIRM = "vaewb_active", "vaewb_active_refresh", "vaewb_active_confirm"
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
        refresh = gr.Button(elem_id=REFRESH)  # hidden by the style sheet: one that is not visible is not on the page
    for block in (line, confirm, refresh):
        block.do_not_save_to_config = True
    refresh.click(_now, outputs=[line, confirm], show_progress=False, queue=False)
    confirm.click(_confirm, outputs=[line, confirm, _selector], show_progress=False)


def as_html(now: Active | None, entries: Mapping[str, str] | None = None) -> str:
    """The line, amber where something was overruled, guessed or refused; the sentences are its tooltip and come below.

    ``entries`` of the selector and what they mean go with it, for the script that shows them in the list.
    """
    if now is None:
        return f"<span class='vaewb-active'>{NOTHING}</span>"
    told = [*filter(None, [now.error]), *now.warnings]
    mark = " vaewb-active-amber" if told else ""
    notes = "".join(f"<small>{escape(sentence)}</small>" for sentence in [*told, *filter(None, [now.hint])])
    means = escape(json.dumps(entries or {}))
    line = f"<span class='vaewb-active{mark}' title='{escape(now.path)}' data-entries='{means}'>{escape(now.line())}</span>"
    return f"{line}{notes}"


def _line() -> str:
    return _told(active())


def _told(now: Active | None) -> str:
    return as_html(now, meanings_now())


def _now() -> tuple[str, Any]:
    now = active()
    return _told(now), gr.update(visible=bool(now and now.offer))


def _confirm() -> tuple[str, Any, Any]:
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
