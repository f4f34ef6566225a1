"""Functions of the web UI that are replaced, what they do where ours fail, and how all of them are put back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from modules import patches

from ..errors import WorkbenchError
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


def original(owner: Any, name: str) -> Function:
    """The web UI's own function, or another extension's, below all of ours."""
    keys = [key for key, patched, field in _applied if patched is owner and field == name]
    function: Function = patches.original(keys[0], owner, name) if keys else getattr(owner, name)
    return function


def falls_back(ours: Function, stock: Function, doing: str, before: Function = lambda *_, **__: None) -> Function:
    """Ours; where it fails for a reason that nobody foresaw, the web UI's own does it, and a sentence says so.

    What is refused on purpose, a :class:`..errors.WorkbenchError`, stays refused.

    Args:
        ours: the function to call.
        stock: that of the web UI, called with the same arguments.
        doing: what they do, for the sentence.
        before: called with them first; leaves the web UI as its own function needs it.
    """

    @functools.wraps(stock)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            return ours(*args, **kwargs)
        except WorkbenchError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, pictures can be made without us
            logger.warning("%s failed (%s). The web UI does it in its own way.", doing, described(error))
            logger.debug("", exc_info=error)
        before(*args, **kwargs)
        return stock(*args, **kwargs)

    return function


@contextmanager
def carry_on(doing: str) -> Iterator[None]:
    """Goes on without what fails within for a reason that nobody foresaw, after a sentence."""
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        logger.warning("%s failed (%s). It is left out.", doing, described(error))
        logger.debug("", exc_info=error)


def described(error: BaseException) -> str:
    """An error of somebody else's, in a line."""
    return f"{type(error).__name__}: {error}".split("\n")[0].rstrip(": ")


def undo_all() -> None:
    """Puts back everything, the last replaced first."""
    while _applied:
        patches.undo(*_applied.pop())
