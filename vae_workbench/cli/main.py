"""``python -m vae_workbench COMMAND``; ``--json`` for programs.

Exit codes: 0 done; 2 a file, picture or option could not be used (one sentence says which and why); 130 interrupted;
141 whoever read the output, such as ``head``, went away.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from .. import __version__
from ..errors import WorkbenchError
from . import check, choose, compare, identify, inspect, scan
from .shared import INTERRUPTED, READER_GONE, UNUSABLE

COMMANDS = (inspect, identify, scan, choose, compare, check)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    for stream in (sys.stdout, sys.stderr):  # names of files and tensors can hold anything, consoles cannot show it all
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except WorkbenchError as error:
        if options.json:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        else:
            print(error, file=sys.stderr)
        return UNUSABLE
    except BrokenPipeError:
        # What is still in the buffer goes nowhere; otherwise Python complains when it writes that at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except KeyboardInterrupt:
        print("Interrupted; nothing was left half-written.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m vae_workbench", description="VAEs in a terminal.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser
