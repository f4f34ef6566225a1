"""``merge``: two or three VAEs in one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from .shared import command
from .writing import add_target, run_recipes, target_of

WHAT = "two or three VAEs in one: weighted, or A + weight × (B − C)"
BLOCKS = (
    "weights of B (or of the difference) in single blocks, as encoder=0.2,decoder.up.3=0.5: encoder, decoder, or a part of one, "
    "such as decoder.conv_in, decoder.mid, decoder.up.0, decoder.out, quant_conv"
)


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    merge = command(commands, "merge", run, WHAT)
    merge.add_argument("vaes", type=Path, nargs="+", metavar="VAE", help="two or three VAEs or checkpoints")
    merge.add_argument(
        "--weights",
        type=float,
        nargs="+",
        default=(),
        metavar="W",
        help="one for each VAE (default: 0.5 0.5); or that of B",
    )
    merge.add_argument(
        "--method", choices=("weighted", "add-difference"), default="weighted", help="default: %(default)s"
    )
    merge.add_argument("--block", default="", metavar="NAME=W,…", help=BLOCKS)
    add_target(merge)


def run(options: argparse.Namespace) -> int:
    from ..edit.recipe import Recipe
    from ..edit.steps.merge import Merge

    first, *others = options.vaes
    step = Merge(tuple(others), tuple(options.weights), options.method, _blocks(options.block))
    return run_recipes([Recipe(first, (step,))], [target_of(options, first)], options)


def _blocks(text: str) -> dict[str, float]:
    blocks = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, _, value = item.partition("=")
        if name.strip() in blocks:
            raise InvalidInput(f"{name.strip()} has two weights", "Name each block once")
        try:
            blocks[name.strip()] = float(value)
        except ValueError:
            raise InvalidInput(f"{item!r} is no weight of a block", "Write encoder=0.2,decoder.up.3=0.5") from None
    return blocks
