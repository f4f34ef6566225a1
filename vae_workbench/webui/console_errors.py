"""What is refused on purpose is a line in the console, where the web UI prints a traceback of every error."""

from __future__ import annotations

import sys
from typing import Any

from modules import errors

from ..errors import WorkbenchError
from .log import warn_of
from .patching import Function, replace


def patch_error_reports() -> None:
    """Puts our functions before those by which the web UI prints errors."""
    replace(errors, "display", _display)
    replace(errors, "report", _report)


def _display(original: Function) -> Function:
    def display(e: Any, *args: Any, **kwargs: Any) -> Any:
        return warn_of(e) if isinstance(e, WorkbenchError) else original(e, *args, **kwargs)

    return display


def _report(original: Function) -> Function:
    def report(message: str, *, exc_info: bool = False, **kwargs: Any) -> Any:
        error = sys.exc_info()[1] if exc_info else None
        if isinstance(error, WorkbenchError):
            return warn_of(error)
        return original(message, exc_info=exc_info, **kwargs)

    return report
