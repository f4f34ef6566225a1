"""``bake``: a VAE in a copy of a checkpoint."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .shared import DTYPES, command
from .writing import add_target, run_recipes, target_of


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    bake = command(commands, "bake", run, "a VAE in a copy of a checkpoint, with every other byte as it was")
    bake.add_argument("vae", type=Path, help="the VAE")
    bake.add_argument(
        "--into", type=Path, required=True, metavar="CHECKPOINT", help="the checkpoint; it is not changed"
    )
    bake.add_argument("--dtype", choices=DTYPES, default="", help="precision of the VAE in it (default: as it is)")
    add_target(bake)


def run(options: argparse.Namespace) -> int:
    from ..edit.recipe import Recipe
    from ..edit.steps.bake import Bake

    recipe = Recipe(options.vae, (Bake(options.into, options.dtype),))
    return run_recipes([recipe], [target_of(options, options.into)], options)
