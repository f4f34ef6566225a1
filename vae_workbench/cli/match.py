"""``match``: the look of one VAE on another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .shared import command
from .writing import add_target, run_recipes, target_of


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    match = command(commands, "match", run, "a VAE toned so that its pictures have the colours of another's")
    match.add_argument("vae", type=Path, help="the VAE to tone")
    match.add_argument("--like", type=Path, required=True, metavar="VAE", help="the VAE whose look is wanted")
    match.add_argument(
        "--source",
        nargs="+",
        default=["builtin:face", "builtin:foliage", "builtin:night", "builtin:skin"],
        metavar="PICTURE",
        help="pictures to find it on, files or built-in ones (default: four built-in ones)",
    )
    match.add_argument("--size", type=int, default=256, help="longest side in pixels (default: %(default)s)")
    match.add_argument("--decoder-only", action="store_true", help="leave the encoder as it is")
    add_target(match)


def run(options: argparse.Namespace) -> int:
    from ..compare.decoding.cells import load_sources
    from ..edit.recipe import Recipe
    from ..edit.steps.match import MatchLook

    loaded = [source.picture for source in load_sources(options.source, options.size)]
    pictures = tuple(picture.pixels * 2 - 1 for picture in loaded if picture is not None)
    step = MatchLook(options.like, pictures, options.decoder_only)
    return run_recipes([Recipe(options.vae, (step,))], [target_of(options, options.vae)], options)
