"""How long work tells where it is, and how it is stopped.

A ``Progress`` is called between steps with the fraction done (0..1) and what is being done. To cancel, the callback
raises :class:`vae_workbench.errors.Cancelled`; the work passes it on untouched and cleans up behind itself.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]


def silent(fraction: float, what: str) -> None:
    """The progress of work that nobody watches."""


def part(progress: Progress, start: float, stop: float, prefix: str = "") -> Progress:
    """The progress of one part of a longer work: its 0..1 becomes ``start``..``stop`` of the whole."""
    return lambda fraction, what: progress(start + (stop - start) * fraction, prefix + what)
