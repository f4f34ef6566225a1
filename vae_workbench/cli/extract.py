"""``extract``: the VAEs inside checkpoints."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..printable import printable
from ..words import in_language
from .shared import command, progress_bar
from .writing import add_target, run_recipes, targets_of


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    extract = command(commands, "extract", run, "the VAE inside a checkpoint; of several with the same VAE, one")
    extract.add_argument("files", type=Path, nargs="+", metavar="CHECKPOINT", help="checkpoints")
    add_target(extract, many=True)


def run(options: argparse.Namespace) -> int:
    from ..edit.copies import copies_among
    from ..edit.recipe import Recipe
    from ..edit.steps.extract import Extract

    files: list[Path] = options.files
    if len(files) > 1:
        with progress_bar() as progress:
            groups = copies_among(files, progress)
        files = [Path(group.paths[0]) for group in groups]
        told = [f"{len(options.files)} files hold {sum(group.is_vae for group in groups)} VAEs."]
        for group in groups:
            names = [Path(path).name for path in group.paths]
            told += [f"{', '.join(names[1:])}: the same VAE as in {names[0]}."] if len(names) > 1 else []
        print("\n".join(in_language(printable(line)) for line in told), file=sys.stderr if options.json else sys.stdout)
    recipes = [Recipe(file, (Extract(),)) for file in files]
    return run_recipes(recipes, targets_of(options, files, ".vae"), options)
