"""The extension's own page in the web UI's settings."""

from __future__ import annotations

import gradio as gr
from modules import shared

SHOW_SELECTOR = "vaewb_show_selector"
HASH = "vaewb_hash_in_background"
CACHE_MEGABYTES = "vaewb_cache_mb"
MOST_MEGABYTES = 700  # two full-size VAEs in fp32, four in fp16
WRONG_OVERRIDE = "vaewb_wrong_override"
STOPS, WARNS = "stop with an error", "go on with a warning"
SECTION = ("vaewb", "VAE Workbench")


def add_options() -> None:
    """Adds the options to the page "VAE Workbench" of the settings."""
    shared.opts.add_option(
        SHOW_SELECTOR,
        shared.OptionInfo(True, "Show the SD VAE selector in the top bar", section=SECTION)
        .info("it is added for this run only; your own list of quicksettings is not changed")
        .needs_reload_ui(),
    )
    shared.opts.add_option(
        HASH,
        shared.OptionInfo(True, "Find published VAEs by their hash", section=SECTION).info(
            "reads each VAE file once, while no picture is made"
        ),
    )
    shared.opts.add_option(
        CACHE_MEGABYTES,
        shared.OptionInfo(
            MOST_MEGABYTES,
            "Memory for the VAEs used last, in MB",
            gr.Slider,
            {"minimum": 0, "maximum": 4000, "step": 50},
            section=SECTION,
        ).info("choosing one of them again takes a fraction of a second; a full-size VAE takes 170 or 330 MB"),
    )
    shared.opts.add_option(
        WRONG_OVERRIDE,
        shared.OptionInfo(
            STOPS,
            "Override settings that ask for a VAE that cannot be used",
            gr.Radio,
            {"choices": [STOPS, WARNS]},
            section=SECTION,
        ).info("in the API, in pasted infotexts and in scripts"),
    )


def shows_selector() -> bool:
    """Whether the selector is wanted; asked before the options are registered, so the stored value is read directly."""
    return bool(shared.opts.data.get(SHOW_SELECTOR, True))


def hashes_in_background() -> bool:
    """Whether VAE files may be read whole while nothing else is done."""
    return bool(shared.opts.data.get(HASH, True))


def cache_megabytes() -> float:
    """Memory that recently used VAEs may take; models are loaded before the options are registered, too."""
    return float(shared.opts.data.get(CACHE_MEGABYTES, MOST_MEGABYTES))


def wrong_override_is_an_error() -> bool:
    """Whether a generation that asks for a VAE that cannot be used is not run."""
    return bool(shared.opts.data.get(WRONG_OVERRIDE, STOPS) == STOPS)
