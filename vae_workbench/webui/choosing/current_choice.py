"""What is chosen for a checkpoint now: by the library as the disk is, or else as the web UI itself would."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

from modules import shared

from ...choice.decide import Choice, Source
from ...choice.preferences import OWN
from ...library.walk import stamp_of
from ..library import folders, library
from . import vae_list
from .choose import choose
from .stock_choice import stock_choice

MISSING = "there is no such file"
"""What :mod:`...choice.proposals` says of a file that is not in the library."""

confirmed: set[tuple[str, str]] = set()
"""Pairs of checkpoint file and name in the top bar that a person wants although they probably do not fit."""


def choice_for(checkpoint: str, refused: Mapping[str, str] | None = None) -> Choice:
    """What was chosen for a checkpoint file; ``refused`` as in :func:`.choosing.choose`.

    Where the library or the preferences cannot be asked, it is what the web UI itself would choose.
    """
    try:
        return _chosen(checkpoint, refused)
    except Exception as error:  # noqa: BLE001  # nothing of that may keep a checkpoint from loading
        return stock_choice(checkpoint, error, refused or {})


def _chosen(checkpoint: str, refused: Mapping[str, str] | None) -> Choice:
    force = (checkpoint, str(shared.opts.sd_vae)) in confirmed
    choice = choose(checkpoint, force=force, refused=refused)
    if choice.vae and stamp_of(choice.vae.path) != choice.vae.stamp:
        library().scan(folders())
    elif not (any(MISSING in step.why for step in choice.steps) and vae_list.look_again()):
        return choice
    return choose(checkpoint, force=force, refused=refused)


def objection(choice: Choice) -> str:
    """Why the file that is selected in the top bar was passed over, as a sentence; empty if it was not."""
    if shared.opts.sd_vae == OWN:  # a checkpoint without a VAE gets one all the same
        return ""
    passed = takewhile(lambda step: not step.taken, choice.steps)
    mine = (step for step in passed if step.source is Source.SETTING and step.found)
    return next((f"{step.found}{step.why.removeprefix('It')}" for step in mine), "")


def names_of(checkpoint: str) -> set[str]:
    """The paths by which the library may know a checkpoint: it may have found it by way of a link."""
    try:
        return {checkpoint, library().entry(checkpoint).path}
    except Exception:  # noqa: BLE001  # told where the VAE is chosen
        return {checkpoint}
