"""``tone``: the colours of everything that a VAE decodes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from .shared import command
from .writing import add_target, run_recipes, target_of

if TYPE_CHECKING:
    from ..edit.recipe import Step

ADJUSTMENTS = {
    "brightness": "is added, 0 changes nothing",
    "contrast": "a factor, about mid grey",
    "saturation": "a factor, 0 is black and white",
    "temperature": "−1 (blue) to 1 (orange)",
    "tint": "−1 (green) to 1 (magenta)",
    "hue": "degrees",
    "gamma": "above 1 brightens; the straight line nearest to the curve",
}


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    tone = command(
        commands, "tone", run, "the colours of everything that a VAE decodes, changed in its last layer, exactly"
    )
    tone.add_argument("vae", type=Path, help="a VAE; of a checkpoint, the VAE inside")
    for name, told in ADJUSTMENTS.items():
        tone.add_argument(f"--{name}", type=float, metavar="X", help=told)
    tone.add_argument("--preset", metavar="NAME", help="paler, “more vivid”, HighGamma, Sepia …")
    tone.add_argument(
        "--matrix", metavar="“9 NUMBERS”", help="any matrix of RGB, row by row; 12 numbers with what is added"
    )
    tone.add_argument("--decoder-only", action="store_true", help="leave the encoder as it is")
    tone.add_argument("--undo", action="store_true", help="back to the VAE before it was toned")
    add_target(tone)


def run(options: argparse.Namespace) -> int:
    from ..edit.recipe import Recipe
    from ..edit.steps.extract import Extract

    step = _step(options)
    return run_recipes(
        [Recipe(options.vae, (Extract(expected=False), step))], [target_of(options, options.vae)], options
    )


def _step(options: argparse.Namespace) -> Step:
    from ..edit.colour_presets import asked_tone
    from ..edit.steps.tone import UndoTone

    asked = {name: getattr(options, name) for name in ADJUSTMENTS if getattr(options, name) is not None}
    if options.undo:
        if asked or options.preset or options.matrix or options.decoder_only:
            raise InvalidInput(
                "--undo takes back all that was toned, and nothing else at once", "Do one after the other"
            )
        return UndoTone()
    if not (asked or options.preset or options.matrix):
        raise InvalidInput("No change of colours is asked for", f"Use one of --{', --'.join(ADJUSTMENTS)}, or --preset")
    matrix = _numbers(options.matrix) if options.matrix else ()
    return asked_tone(asked, options.preset or "", matrix, decoder_only=options.decoder_only)


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) not in (9, 12):
        raise InvalidInput(
            f"{text!r} is no matrix", "Give 9 numbers, row by row, or 12 with what is added to R, G and B"
        )
    return numbers
