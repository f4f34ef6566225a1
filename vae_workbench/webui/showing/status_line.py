"""The line beside the VAE selector: what is really in use, why, and in what precision; and what the selector's entries mean.

``javascript/vae_workbench_active.js`` asks for it again whenever it may have changed (see :mod:`.revision_route`), opens what
:mod:`.line_panel` has to say, and sends what is pressed there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr
from modules import sd_models, shared
from modules.call_queue import queue_lock

from ...errors import WorkbenchError
from ...printable import printable
from ..log import logger
from ..options import groups_list
from ..patching import described
from ..switching.switch import OPTION
from ..switching.try_on import take_off_now
from ..switching.use import select_and_save
from .active_vae import Active, active
from .line_panel import Alternatives, alternatives, panel
from .selector_entries import Meaning, meanings_now

SELECTOR, REFRESH_LIST = "setting_sd_vae", "refresh_sd_vae"
LINE, ORDER = "vaewb_active", "vaewb_active_order"
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
        line = gr.HTML(_now, elem_id=LINE)
        order = gr.Textbox(elem_id=ORDER, elem_classes="vaewb-hidden", show_label=False, container=False)
        refresh, sync = gr.Button(elem_id=REFRESH), gr.Button(elem_id=SYNC)
    for block in (line, order, refresh, sync):
        block.do_not_save_to_config = True
    refresh.click(_now, outputs=[line], show_progress=False, queue=False)
    sync.click(_selection, outputs=[_selector], show_progress=False, queue=False)
    order.input(_obey, inputs=[order], outputs=[line, _selector], show_progress=False, queue=False)


def as_html(
    now: Active | None,
    entries: Mapping[str, Meaning] | None = None,
    more: Alternatives | None = None,
    toast: str = "",
) -> str:
    """The line, and what it opens. Of a warning only the sentence itself is coloured; whatever does not fit is in the panel.

    Args:
        now: what is in use.
        entries: of the selector and what they mean, for the script that shows them in the list. What is selected goes with
            them, as the list on the page may show what was selected there last.
        more: what the panel tells beyond the line.
        toast: a sentence for the person who has just pressed something.
    """
    said = f" data-toast='{escape(printable(toast))}'" if toast else ""
    if now is None:
        return f"<span class='vaewb-active vaewb-active-now'{said}>{NOTHING}</span>"
    setting = str(getattr(shared.opts, OPTION))
    told = [*filter(None, [now.error]), *now.warnings]
    warned = f"<span class='vaewb-active-amber'>⚠ {escape(printable(told[0]))}</span>" if told else ""
    means = escape(json.dumps({name: [it.words, it.fits] for name, it in (entries or {}).items()}))
    data = f"data-setting='{escape(setting)}' data-entries='{means}' data-grouped='{int(groups_list())}'{said}"
    shown = now.name() if told else now.line()
    return (
        f"<button type='button' class='vaewb-active' aria-expanded='false' aria-controls='vaewb_active_panel' {data}"
        f" title='{escape(printable(' '.join([now.line(), *told])))}'>"
        f"<span class='vaewb-active-now'>{escape(printable(shown))}</span>{warned}</button>"
        f"{panel(now, more, setting)}"
    )


def _now(toast: str = "") -> str:
    try:
        return as_html(active(), meanings_now(), _more(), toast)
    except Exception as error:  # noqa: BLE001  # whatever it is, the page is there
        logger.warning("The line beside the VAE selector is left empty: %s.", described(error))
        return ""


def _more() -> Alternatives | None:
    try:
        return alternatives()
    except WorkbenchError:  # told when the VAE was chosen
        return None


def _selection() -> Any:
    """What is selected, for the selector, and its list as it is of use; nothing while a picture is made, which may have a VAE
    of its own."""
    if not queue_lock.acquire(blocking=False):
        return gr.update()
    try:
        value = getattr(shared.opts, OPTION)
        entries = meanings_now() if groups_list() else {}
        return gr.update(value=value, choices=list(entries)) if entries else gr.update(value=value)
    finally:
        queue_lock.release()


def _obey(text: str) -> tuple[str, Any]:
    """Does what a button of the panel says; what is refused is told in the line and as a toast."""
    toast = ""
    with queue_lock:
        model = sd_models.model_data.sd_model
        try:
            order = json.loads(text)
            if order["do"] == "take off":
                take_off_now()
            elif order["do"] == "use" and model is not None:
                select_and_save(model, str(order["vae"]), force=order.get("force") is True)
        except WorkbenchError as error:
            toast = str(error)
        except (ValueError, KeyError, TypeError):  # a page of another version
            toast = "This button is of another version. Load the page again."
    return _now(toast), gr.update(value=getattr(shared.opts, OPTION))
