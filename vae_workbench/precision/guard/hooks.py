"""What the guard of a VAE needs to know of the place where it works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from .report import Report


@dataclass(frozen=True)
class Identity:
    """Which VAE it is.

    Attributes:
        name: for people.
        path: the file that its weights came from, a VAE or a checkpoint; ``None`` if that is not known.
        sketch_id: by which its plan is remembered; ``None``: not remembered.
        known_as: its published name, or ``None``.
    """

    name: str
    path: str | None = None
    sketch_id: str | None = None
    known_as: str | None = None


@dataclass(frozen=True)
class Rungs:
    """The rungs that are allowed beyond the network as it is."""

    rescaled: bool = True
    bf16: bool = False
    fp32: bool = True
    tiled: bool = True


@dataclass(frozen=True)
class GuardHooks:
    """What differs from place to place.

    Attributes:
        rungs: asked before each result.
        without_autocast: a context in which nothing casts numbers behind the network's back.
        free_memory: called before a retry.
        retry_on: exceptions of the network that mean the same as a result that is not finite.
        report: told of every result that did not come from the network as it is.
    """

    rungs: Callable[[], Rungs] = Rungs
    without_autocast: Callable[[], AbstractContextManager[object]] = nullcontext
    free_memory: Callable[[], object] = lambda: None
    retry_on: tuple[type[Exception], ...] = ()
    report: Callable[[Report], object] = lambda _: None
