"""Changes of colours by the names that people give to such VAEs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from .steps.tone import Tone

SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
"""Of the W3C's Filter Effects (https://www.w3.org/TR/filter-effects-1/#sepiaEquivalent)."""

ADJUSTMENTS = ("brightness", "contrast", "saturation", "temperature", "tint", "hue", "gamma")
"""Arguments of :meth:`.adjust.ColourChange.of` that are one number each."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paler": {"saturation": 0.85, "contrast": 0.95, "brightness": 0.02},
    "more vivid": {"saturation": 1.2, "contrast": 1.05},
    "HighGamma": {"gamma": 1.25},
    "HighContrast": {"contrast": 1.15},
    "warmer": {"temperature": 0.25},
    "cooler": {"temperature": -0.25},
    "Sepia": {"matrix": tuple(value for row in SEPIA for value in row)},
    "black and white": {"saturation": 0.0},
    "negative": {"contrast": -1.0},
}
"""Name → arguments of :meth:`.adjust.ColourChange.of`."""


def preset(name: str) -> Mapping[str, Any]:
    """One of them, whatever its case.

    Raises:
        InvalidInput: there is none of that name.
    """
    found = next((arguments for known, arguments in PRESETS.items() if known.lower() == name.lower()), None)
    if found is None:
        raise InvalidInput(f"There is no preset {name!r}", f"Choose one of {', '.join(PRESETS)}")
    return found


def asked_tone(
    adjustments: Mapping[str, Any], named: str = "", matrix: Sequence[float] = (), *, decoder_only: bool = False
) -> Tone:
    """The step for what a person asks for: a preset, a matrix in its place, then adjustments.

    Args:
        adjustments: numbers for any of :data:`ADJUSTMENTS`.
        named: a preset, or empty.
        matrix: 9 numbers, row by row, or 12 with what is added to R, G and B; or none.
        decoder_only: as in :class:`.steps.tone.Tone`.

    Raises:
        InvalidInput: there is no such preset, or a number makes no change of colours.
    """
    import torch

    from .adjust import ColourChange
    from .steps.tone import Tone

    given = dict(preset(named)) if named else {}
    offset = torch.zeros(3)
    if matrix:
        given["matrix"], offset = matrix[:9], torch.tensor([*matrix[9:], 0.0, 0.0, 0.0][:3])
    change = ColourChange(torch.eye(3), torch.zeros(3)).then(ColourChange.of(**given))
    change = ColourChange(change.matrix, change.offset + offset).then(ColourChange.of(**adjustments))
    gamma = float(given.get("gamma", 1.0)) * float(adjustments.get("gamma", 1.0))
    return Tone(change, decoder_only, gamma)
