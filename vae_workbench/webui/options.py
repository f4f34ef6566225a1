"""The extension's own page in the web UI's settings."""

from __future__ import annotations

from modules import shared

SHOW_SELECTOR = "vaewb_show_selector"
SECTION = ("vaewb", "VAE Workbench")


def add_options() -> None:
    """Adds the options to the page "VAE Workbench" of the settings."""
    shared.opts.add_option(
        SHOW_SELECTOR,
        shared.OptionInfo(True, "Show the SD VAE selector in the top bar", section=SECTION)
        .info("it is added for this run only; your own list of quicksettings is not changed")
        .needs_reload_ui(),
    )


def shows_selector() -> bool:
    """Whether the selector is wanted; asked before the options are registered, so the stored value is read directly."""
    return bool(shared.opts.data.get(SHOW_SELECTOR, True))
