"""Functions of the web UI that are replaced, and how all of them are put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import patches

Function = Callable[..., Any]

_applied: list[tuple[str, Any, str]] = []


def replace(owner: Any, name: str, make: Callable[[Function], Function]) -> None:
    """Replaces ``owner.name`` by what ``make`` makes of it; not where the web UI has no such thing, and once only for each
    module of ours that asks for it."""
    place = (f"{__name__} for {make.__module__}", owner, name)
    if hasattr(owner, name) and place not in _applied:
        patches.patch(*place, make(getattr(owner, name)))
        _applied.append(place)


def undo_all() -> None:
    """Puts back everything, the last replaced first."""
    while _applied:
        patches.undo(*_applied.pop())
