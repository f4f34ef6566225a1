"""Makes what was ordered, and lets every list know of the new file."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import Cancelled
from ...library.collection import Collection
from ...printable import printable
from ...progress import Progress, part
from ..compare.vae_choices import candidates
from ..shared.file_words import file_size
from ..shared.messages import message, text_html
from ..workbench import Workbench
from .order import Order, check_is_new, recipe_of, target_of

if TYPE_CHECKING:
    from ...edit.save import Saved

logger = logging.getLogger("vae_workbench")

WRITING = 0.95
"""The share of the work that comes before the lists are brought up to date."""


def save_order(workbench: Workbench, order: Order, found: Collection, progress: Progress) -> Saved:
    """Makes the file, or with ``dry_run`` tries everything.

    Raises:
        WorkbenchError: it cannot be made; nothing was left behind, and what was there before is intact.
        Cancelled: passed on from ``progress``, likewise.
    """
    recipe = recipe_of(order, found, progress)
    target = target_of(order, found, workbench.target_folders())
    check_is_new(target, order)
    saved = recipe.save(target, overwrite=order.overwrite, dry_run=order.dry_run, progress=part(progress, 0, WRITING))
    if saved.written:
        _tell_everybody(workbench, part(progress, WRITING, 1))
    return saved


def saved_html(workbench: Workbench, order: Order, saved: Saved) -> str:
    """What was done, as HTML, with what can be done next."""
    made = f"{saved.tensors} tensors, {file_size(saved.size)}"
    name = printable(saved.path.name)
    if saved.written:
        told = message(f"{name} was written: {made}.", more=_next(workbench, order, saved.path))
    elif order.dry_run:
        told = message(f"Nothing was written. {name} would hold {made}.")
    else:
        told = message("Nothing was written, for there was nothing to do.")
    return told + notes_html(saved.notes)


def notes_html(notes: Sequence[str]) -> str:
    """What the steps tell, as a list."""
    items = "".join(f"<li>{text_html(note)}</li>" for note in notes)
    return f"<ul class='vaewb-note'>{items}</ul>" if items else ""


def _tell_everybody(workbench: Workbench, progress: Progress) -> None:
    """The file is there, whatever becomes of this."""
    try:
        workbench.files_changed()
        with contextlib.suppress(Cancelled):
            workbench.library.scan(workbench.library_folders(), progress)
    except Exception:  # the outermost callback would say that the work failed, which it did not
        logger.exception("The lists of files could not be brought up to date")


def _next(workbench: Workbench, order: Order, path: Path) -> str:
    """Buttons, as HTML; the mark lets the script refresh the lists of the web UI."""
    collection = workbench.library.collection()
    made, source = collection.by_path(path), collection.by_name(order.source)
    shown = "<i hidden data-vaewb-written></i>"
    if made is None or made.verdict.kind != "vae":
        return shown
    listed = {collection.by_path(it.path): it.name for it in candidates(workbench)}
    if source in listed and made in listed:
        names = escape(json.dumps([listed[source], listed[made]]), quote=True)
        shown += _button("compare", names, "Compare it with the original")
    return shown + " " + _button("library", text_html(made.name), "Show in Library")


def _button(what: str, value: str, text: str) -> str:
    return f"<button type='button' class='vaewb-button' data-vaewb-{what}='{value}'>{text}</button>"
