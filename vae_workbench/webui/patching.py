"""Functions of the web UI that are replaced, and how all of them are put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import patches

from .log import logger

Function = Callable[..., Any]

_applied: list[tuple[str, Any, str]] = []


def replace(owner: Any, name: str, make: Callable[[Function], Function]) -> None:
    """Replaces ``owner.name`` by what ``make`` makes of it; where the web UI has no such thing, it is told and left out.

    Each module that calls this replaces a function once, however often it asks; what another one of ours had put there is
    what ``make`` gets.
    """
    applied = make.__module__, owner, name
    if not hasattr(owner, name):
        logger.info("This web UI has no %s: what would be done to it is left out.", name)
    elif applied not in _applied:
        patches.patch(make.__module__, owner, name, make(getattr(owner, name)))
        _applied.append(applied)


def undo_all() -> None:
    """Puts back everything, the last replaced first."""
    while _applied:
        patches.undo(*_applied.pop())
