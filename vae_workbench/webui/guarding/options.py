"""What people can choose of the guard, in the web UI's settings."""

from __future__ import annotations

import gradio as gr
from modules import shared

from ...precision.guard.hooks import Rungs
from ..options import SECTION

ENABLED, RUNGS, QUIET = "vaewb_guard", "vaewb_guard_rungs", "vaewb_guard_quiet"
RESCALED, BF16, FP32, TILED = "fp16, rescaled", "bf16", "fp32", "in tiles when memory runs out"
ALL = [RESCALED, BF16, FP32, TILED]
FIRST = [RESCALED, FP32, TILED]


def add_options() -> None:
    """Adds them to the page "VAE Workbench" of the settings."""
    shared.opts.add_option(
        ENABLED,
        shared.OptionInfo(
            True, "Repair pictures and latents in which the VAE made NaN or infinite values", section=SECTION
        ).info("every value is looked at, decoding and encoding; what a VAE needs is remembered for it alone"),
    )
    shared.opts.add_option(
        RUNGS,
        shared.OptionInfo(FIRST, "Ways to repair", gr.CheckboxGroup, {"choices": ALL}, section=SECTION).info(
            "rescaled weights compute the same in fp16 at full speed; bf16 loses three bits"
        ),
    )
    shared.opts.add_option(QUIET, shared.OptionInfo(False, "Do not tell of repairs below the picture", section=SECTION))


def enabled() -> bool:
    """Whether the guard is wanted. Pictures can be made before the options are registered, so stored values are read."""
    return bool(shared.opts.data.get(ENABLED, True))


def rungs() -> Rungs:
    """The ways that are allowed."""
    choice_for = shared.opts.data.get(RUNGS, FIRST)
    return Rungs(RESCALED in choice_for, BF16 in choice_for, FP32 in choice_for, TILED in choice_for)


def quiet() -> bool:
    """Whether people do not want to read of repairs below their pictures."""
    return bool(shared.opts.data.get(QUIET, False))
