"""The ``sd_vae`` selector in the top bar.

The web UI reads its list of quicksettings once, while it builds the page. The selector is in that list for just that long,
so that nothing of it is ever saved to the user's settings.
"""

from __future__ import annotations

from modules import shared

from ..options import shows_selector

KEY, SELECTOR, AFTER = "quicksettings_list", "sd_vae", "sd_model_checkpoint"

_before: dict[str, list[str]] | None = (
    None  # the stored list before ours: {} where none was stored, None while not changed
)


def show_vae_selector() -> None:
    """Adds the selector behind the checkpoint's, unless it is there already or not wanted. Called before the page is built."""
    global _before
    names = list(shared.opts.quicksettings_list)
    if SELECTOR in names or not shows_selector() or _before is not None:
        return
    _before = {KEY: shared.opts.data[KEY]} if KEY in shared.opts.data else {}
    place = names.index(AFTER) + 1 if AFTER in names else len(names)
    shared.opts.data[KEY] = [*names[:place], SELECTOR, *names[place:]]


def restore() -> None:
    """Puts the stored list back; quiet when nothing was changed. Called once the page is built."""
    global _before
    if _before is None:
        return
    shared.opts.data.pop(KEY, None)
    shared.opts.data.update(_before)
    _before = None
