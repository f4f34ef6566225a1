"""How one picture looks beside another, in the words of people who make pictures: "paler (−22), slightly greenish, softer"."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .measures import Look

JUST_SEEN = {"brightness": 1.5, "contrast": 1.0, "saturation": 2.0, "cast": 1.2, "sharpness": 0.08}
"""Differences below these are not mentioned: about what is just seen when two pictures alternate, in units of CIELAB (a ΔE
of 1 is just visible in plain areas, and these are means over a picture); sharpness as a part of the other's."""

PLAIN = {"brightness": 5.0, "contrast": 4.0, "saturation": 8.0, "cast": 4.0, "sharpness": 0.25}
"""From here on a difference is no longer "slightly" so."""

CASTS = ("reddish", "orange", "yellowish", "yellow-green", "greenish", "cyan", "bluish", "purplish")
"""Names of hue angles in CIELAB, every 45° from red on."""


@dataclass(frozen=True)
class _Trait:
    """One thing to say: how far over the threshold it is, and the words."""

    weight: float
    words: str


def describe(look: Look, reference: Look) -> str:
    """What a picture is beside another, the plainest difference first; "as the source" where there is none to be seen.

    Args:
        look: of the picture that is described.
        reference: of the one that it is compared with.
    """
    traits = [
        *_trait("saturation", look.saturation - reference.saturation, "paler", "more vivid"),
        *_trait("brightness", look.brightness - reference.brightness, "darker", "brighter"),
        *_trait("contrast", look.contrast - reference.contrast, "flatter", "more contrast"),
        *_cast(look, reference),
        *_sharpness(look.sharpness, reference.sharpness),
    ]
    ordered = sorted(traits, key=lambda trait: -trait.weight)
    return ", ".join(trait.words for trait in ordered) or "no difference to be seen"


def _trait(name: str, difference: float, less: str, more: str) -> list[_Trait]:
    amount = abs(difference)
    if amount < JUST_SEEN[name]:
        return []
    words = f"{_slightly(name, amount)}{more if difference > 0 else less} ({difference:+.0f})".replace("-", "−")
    return [_Trait(amount / JUST_SEEN[name], words)]


def _cast(look: Look, reference: Look) -> list[_Trait]:
    """The shift of the mean colour, but for what paleness explains: a warm picture that is paler is less red, and not greenish.

    What lies on the way from the reference's mean colour to grey, as far as saturation went down, is no cast. More saturation
    explains nothing: a greener forest is more vivid as well.
    """
    a, b = look.a - reference.a, look.b - reference.b
    toward = math.hypot(reference.a, reference.b)
    if toward > 0:
        lost = min(1.0, max(0.0, 1 - look.saturation / max(reference.saturation, 1e-6)))
        along = min(lost * toward, max(0.0, -(a * reference.a + b * reference.b) / toward))
        a, b = a + along * reference.a / toward, b + along * reference.b / toward
    amount = math.hypot(a, b)
    if amount < JUST_SEEN["cast"]:
        return []
    name = CASTS[round(math.degrees(math.atan2(b, a)) / 45) % len(CASTS)]
    return [_Trait(amount / JUST_SEEN["cast"], f"{_slightly('cast', amount)}{name}")]


def _sharpness(own: float, others: float) -> list[_Trait]:
    if others <= 0:
        return []
    difference = own / others - 1
    if abs(difference) < JUST_SEEN["sharpness"]:
        return []
    words = f"{_slightly('sharpness', abs(difference))}{'sharper' if difference > 0 else 'softer'}"
    return [_Trait(abs(difference) / JUST_SEEN["sharpness"], words)]


def _slightly(name: str, amount: float) -> str:
    return "slightly " if amount < PLAIN[name] else ""
