"""Functions of the web UI that are replaced, and how all of them are put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import patches

Function = Callable[..., Any]

_applied: list[tuple[Any, str]] = []


def replace(owner: Any, name: str, make: Callable[[Function], Function]) -> None:
    """Replaces ``owner.name`` by what ``make`` makes of it; once only, and not where the web UI has no such thing."""
    if hasattr(owner, name) and (owner, name) not in _applied:
        patches.patch(__name__, owner, name, make(getattr(owner, name)))
        _applied.append((owner, name))


def undo_all() -> None:
    """Puts back everything, the last replaced first."""
    while _applied:
        patches.undo(__name__, *_applied.pop())
