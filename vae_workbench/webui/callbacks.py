"""Functions that the web UI is to call at its moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import script_callbacks


def on(moment: str, function: Callable[..., Any]) -> None:
    """Has the web UI call a function at a moment, by the name that the moment has there: ``"ui_tabs"``.

    The file is named because the web UI would find it out by reading the sources of the whole call stack, which takes
    80 ms for each function (measured in 1.10.1).
    """
    listed = script_callbacks.callback_map[f"callbacks_{moment}"]
    script_callbacks.add_callback(listed, function, category=moment, filename=__file__)
