"""The extension's own page in the web UI's settings."""

from __future__ import annotations

import gradio as gr
from modules import shared

SHOW_SELECTOR = "vaewb_show_selector"
GROUPS_LIST = "vaewb_group_list"
HASH = "vaewb_hash_in_background"
CACHE_MEGABYTES = "vaewb_cache_mb"
MOST_MEGABYTES = 700  # two full-size VAEs in fp32, four in fp16
KEPT_MEGABYTES, SOME_MEGABYTES = "vaewb_kept_mb", 64
WRONG_OVERRIDE = "vaewb_wrong_override"
STOPS, WARNS = "stop with an error", "go on with a warning"
REFUSED_OPTION = "vaewb_refused_option"
PICTURE_FOLDERS = "vaewb_picture_folders"
FORCE = "vaewb_force"
"""In the override settings of one generation: its VAE is wanted although it probably does not fit. Never stored."""

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
        GROUPS_LIST,
        shared.OptionInfo(True, "List the VAEs that fit the checkpoint first", section=SECTION).info(
            "in the SD VAE selector of the top bar; the rest stands below them"
        ),
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
        KEPT_MEGABYTES,
        shared.OptionInfo(
            SOME_MEGABYTES,
            "Memory for the newest pictures and their latents, in MB",
            gr.Slider,
            {"minimum": 0, "maximum": 2000, "step": 16},
            section=SECTION,
        ).info("the tab VAE compares VAEs on them without sampling again; 3 MB for one of 1024×1024; 0 keeps none"),
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
    shared.opts.add_option(
        REFUSED_OPTION,
        shared.OptionInfo(
            True, "API: answer /sdapi/v1/options with an error where the VAE cannot be used", section=SECTION
        ).info("without it the answer is 200, and the VAE stays what it was"),
    )
    shared.opts.add_option(
        PICTURE_FOLDERS,
        shared.OptionInfo(
            "",
            "Folders of pictures that VAEs can be evaluated on, one in each line",
            gr.Textbox,
            {"lines": 2},
            section=SECTION,
        ).info("they and the folders in them are listed in the tab VAE, page Evaluate"),
    )
    force = shared.OptionInfo(False, "Use a VAE that probably does not fit", section=(None, "Hidden options"))
    force.do_not_save = True
    shared.opts.add_option(FORCE, force)


def shows_selector() -> bool:
    """Whether the selector is wanted; asked before the options are registered, so the stored value is read directly."""
    return bool(shared.opts.data.get(SHOW_SELECTOR, True))


def groups_list() -> bool:
    """Whether the selector lists what fits the checkpoint in use first."""
    return bool(shared.opts.data.get(GROUPS_LIST, True))


def hashes_in_background() -> bool:
    """Whether VAE files may be read whole while nothing else is done."""
    return bool(shared.opts.data.get(HASH, True))


def cache_megabytes() -> float:
    """Memory that recently used VAEs may take; models are loaded before the options are registered, too."""
    return float(shared.opts.data.get(CACHE_MEGABYTES, MOST_MEGABYTES))


def kept_megabytes() -> float:
    """Memory that the newest pictures and their latents may take."""
    return float(shared.opts.data.get(KEPT_MEGABYTES, SOME_MEGABYTES))


def wrong_override_is_an_error() -> bool:
    """Whether a generation that asks for a VAE that cannot be used is not run."""
    return bool(shared.opts.data.get(WRONG_OVERRIDE, STOPS) == STOPS)


def refused_option_is_an_error() -> bool:
    """Whether the API's options are answered with an error where their VAE cannot be used."""
    return bool(shared.opts.data.get(REFUSED_OPTION, True))
