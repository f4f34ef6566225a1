"""``repair``: a file that programs refuse or misread, put right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .shared import command
from .writing import add_target, run_recipes, targets_of


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    what = "a VAE or checkpoint that programs refuse or misread, put right: names, prefixes, metadata, gaps"
    repair = command(commands, "repair", run, what)
    repair.add_argument("files", type=Path, nargs="+", metavar="FILE", help="VAEs and checkpoints")
    add_target(repair, many=True)


def run(options: argparse.Namespace) -> int:
    from ..edit.recipe import Recipe
    from ..edit.steps.repair import Repair

    recipes = [Recipe(file, (Repair(),), forgiving=True) for file in options.files]
    return run_recipes(recipes, targets_of(options, options.files), options)
