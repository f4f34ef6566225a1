"""``convert``: any readable file as .safetensors, in other names or another precision."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from .shared import DTYPES, command
from .writing import add_target, run_recipes, targets_of


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    convert = command(
        commands, "convert", run, "any readable file as .safetensors, in other names or another precision"
    )
    convert.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="VAEs and checkpoints; of a model in parts, any part or its index",
    )
    convert.add_argument("--names", choices=("ldm", "diffusers"), help="names of the tensors (default: as they are)")
    convert.add_argument("--dtype", choices=DTYPES, help="precision (default: as it is)")
    convert.add_argument(
        "--allow-loss",
        action="store_true",
        help="clamp values that --dtype cannot hold, and count them, instead of refusing",
    )
    add_target(convert, many=True)


def run(options: argparse.Namespace) -> int:
    from ..edit.recipe import Recipe, Step
    from ..edit.steps.change_dtype import ChangeDtype
    from ..edit.steps.rename import Rename

    if options.allow_loss and not options.dtype:
        raise InvalidInput("--allow-loss is for --dtype, which is not there", "Name a precision")

    def steps() -> tuple[Step, ...]:
        renamed: tuple[Step, ...] = (Rename(options.names),) if options.names else ()
        return (*renamed, ChangeDtype(options.dtype, options.allow_loss)) if options.dtype else renamed

    recipes = [Recipe(file, steps()) for file in options.files]
    return run_recipes(recipes, targets_of(options, options.files), options)
