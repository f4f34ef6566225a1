"""``fp16-safe``: a VAE that overflows in fp16, rescaled so that it does not."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .check import load_latents
from .shared import command
from .writing import add_target, run_recipes, target_of


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    safe = command(
        commands, "fp16-safe", run, "a VAE that overflows in fp16, rescaled so that any program can run it so"
    )
    safe.add_argument("vae", type=Path, help="a VAE; of a checkpoint, the VAE inside")
    safe.add_argument("--latents", type=Path, action="append", default=[], metavar="FILE", help="check with these too")
    safe.add_argument("--picture", type=Path, action="append", default=[], metavar="FILE", help="check with this too")
    add_target(safe)


def run(options: argparse.Namespace) -> int:
    from ..compare.sources.picture import load_picture
    from ..edit.recipe import Recipe
    from ..edit.steps.extract import Extract
    from ..edit.steps.fp16_safe import Fp16Safe

    pictures = tuple(load_picture(path, longest_side=512).pixels * 2 - 1 for path in options.picture)
    step = Fp16Safe(pictures, tuple(map(load_latents, options.latents)))
    return run_recipes(
        [Recipe(options.vae, (Extract(expected=False), step))], [target_of(options, options.vae)], options
    )
