"""The VAE axis of the web UI's X/Y/Z plot: it finds names as people write them, and refuses those that it does not find."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules import scripts, sd_vae

from ..errors import InvalidInput
from . import vae_list
from .patching import replace

SCRIPT, AXIS = "xyz_grid.py", "VAE"
WORDS = {"auto": "Automatic", "automatic": "Automatic", "none": "None"}


def patch_axis() -> None:
    """Changes the axis; the script is loaded anew at each Reload UI."""
    for script in scripts.scripts_data:
        if Path(script.path).name == SCRIPT:
            for axis in script.module.axis_options:
                if axis.label == AXIS:
                    replace(axis, "apply", lambda _: _apply)
                    replace(axis, "confirm", lambda _: _confirm)
            return


def _apply(p: Any, value: str, _values: Sequence[str]) -> None:
    p.override_settings["sd_vae"] = meant(value)


def _confirm(_p: Any, values: Sequence[str]) -> None:
    for value in values:
        meant(value)


def meant(text: str) -> str:
    """What a person wrote, as the option ``sd_vae`` has it.

    Raises:
        InvalidInput: there is no such VAE.
    """
    name = text.strip()
    if name.lower() in WORDS:
        return WORDS[name.lower()]
    path = vae_list.find(name)
    if path:
        return vae_list.name_of(path)
    folded = [listed for listed in sd_vae.vae_dict if listed.lower() == name.lower()]
    if not folded:
        raise InvalidInput(f"There is no VAE {name!r}", "Write it as it is in the list, or refresh the list")
    return str(folded[0])
