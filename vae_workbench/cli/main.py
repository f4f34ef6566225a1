"""``python -m vae_workbench COMMAND``, or ``vae-workbench COMMAND`` after ``pip install .``; ``--json`` for programs.

Exit codes: 0 done; 2 a file, picture or option could not be used (one sentence says which and why); 130 interrupted;
141 whoever read the output, such as ``head``, went away.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .. import __version__
from ..errors import sentence_of
from ..printable import printable
from ..words import in_language
from . import (
    bake,
    check,
    choose,
    compare,
    convert,
    evaluate,
    extract,
    fp16_safe,
    identify,
    inspect,
    match,
    merge,
    repair,
    scan,
    tone,
)
from .shared import INTERRUPTED, READER_GONE, UNUSABLE

logger = logging.getLogger(__name__)

JSON_ESCAPES = "vae_workbench.json"
"""The name under which Python knows :func:`_json_escapes`."""

INSTALLED = "vae-workbench"
"""What ``pip install .`` calls it."""

COMMANDS = (
    *(inspect, identify, scan, choose, compare, evaluate, check),
    *(convert, repair, extract, bake, merge, tone, match, fp16_safe),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    _escape_what_consoles_cannot_show("backslashreplace")
    options = _parser().parse_args(arguments)
    if options.json:
        codecs.register_error(JSON_ESCAPES, _json_escapes)
        _escape_what_consoles_cannot_show(JSON_ESCAPES)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        with _log_kept_quiet():
            code = command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What is still in the buffer goes nowhere; otherwise Python complains when it writes that at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except KeyboardInterrupt:
        print(in_language("Interrupted; nothing was left half-written."), file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # nobody should read a traceback
        logger.debug("The command failed", exc_info=True)
        if options.json:
            print(json.dumps({"error": sentence_of(error)}, ensure_ascii=False))
        else:
            print(in_language(sentence_of(error)), file=sys.stderr)
        return UNUSABLE


@contextlib.contextmanager
def _log_kept_quiet() -> Iterator[None]:
    """What is logged is told in sentences too; without a handler, Python would print it, tracebacks included."""
    handler = logging.NullHandler()
    package = logging.getLogger("vae_workbench")
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)


def _escape_what_consoles_cannot_show(errors: str) -> None:
    """Names of files and tensors can hold anything, also what is not Unicode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    """Inside of JSON, characters are escaped as JSON has it, and bytes that are not UTF-8 as :func:`.printable.printable`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    escaped = (
        "\\" + printable(character) if "\ud800" <= character <= "\udfff" else json.dumps(character)[1:-1]
        for character in error.object[error.start : error.end]
    )
    return "".join(escaped), error.end


def _parser() -> argparse.ArgumentParser:
    name = INSTALLED if Path(sys.argv[0]).stem == INSTALLED else "python -m vae_workbench"
    parser = argparse.ArgumentParser(name, description="VAEs in a terminal.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser
