"""How long work tells where it is, and how it is stopped.

A ``Progress`` is called between steps with the fraction done (0..1) and what is being done. To cancel, the callback
raises :class:`vae_workbench.errors.Cancelled`; the work passes it on untouched and cleans up behind itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Progress = Callable[[float, str], None]

Exclusive = Callable[[Progress], AbstractContextManager[None]]
"""Holds the device for one piece of work; waits while something else has it, and tells the progress so."""


def silent(fraction: float, what: str) -> None:
    """The progress of work that nobody watches."""


def unshared(_: Progress) -> AbstractContextManager[None]:
    """For work that shares the device with nothing."""
    return nullcontext()


def part(progress: Progress, start: float, stop: float, prefix: str = "") -> Progress:
    """The progress of one part of a longer work: its 0..1 becomes ``start``..``stop`` of the whole."""
    return lambda fraction, what: progress(start + (stop - start) * fraction, prefix + what)
