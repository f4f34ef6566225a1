"""How two VAEs are related, in words: copies, halves, edits of colours, rescaled forms, and the merely similar."""

from __future__ import annotations

from ..sketch import FIRST_LAYER, LAST_LAYER
from ..verdict import Relative
from .colour_edit import FIRST_BIAS, LAST_BIAS, colour_edit, takes_back
from .likeness import HalfLikeness, Likeness
from .lineage import Vae
from .rescaling import Scales

SIMILAR = 0.7
"""Distances below are worth telling. VAEs that were trained apart are about 1.4 apart; half of the weights in common are 1."""

STRANGERS = 1.2
"""Distances above mean nothing."""

NEARLY = 0.02
"""Distances below are hardly a difference, and yet these are two VAEs."""

LAST, FIRST = {LAST_LAYER, LAST_BIAS}, {FIRST_LAYER, FIRST_BIAS}

EDITS = ("colour edit", "last layer", "first layer", "rescaled")
"""Relations of VAEs of which one was made from the other without training or merging."""

CLOSENESS = (
    EDITS,
    ("nearly the same",),
    ("same encoder", "same decoder"),
    ("encoder of", "decoder of", "its encoder", "its decoder"),
    ("similar",),
    ("similar encoder", "similar decoder"),
)
"""Relations that say most come first."""


def closeness(told: Relative) -> tuple[int, float]:
    """By which relatives are sorted, the closest first; copies before all others."""
    rank = next((rank for rank, relations in enumerate(CLOSENESS) if told.relation in relations), -1)
    return rank, told.distance


def relative(one: Vae, other: Vae, likeness: Likeness, derived: bool | None = None) -> Relative | None:
    """How one VAE is related to the other; ``None`` for strangers. Distance and kind are the same from both sides.

    Args:
        derived: whether the one was made from the other if it is an edit, or the reverse (false); ``None``: not known.
    """
    if not likeness.halves:
        return None
    return (
        _copy(other, likeness)
        or _half(other, likeness)
        or _rescaled(other, likeness, derived)
        or _edited(one, other, likeness, derived)
        or _nearly(other, likeness)
        or _same_half(other, likeness)
        or _similar(other, likeness)
    )


def _copy(other: Vae, likeness: Likeness) -> Relative | None:
    if not likeness.copy:
        return None
    return Relative(
        other.name, likeness.copy, likeness.distance, f"It has the weights of {other.name}, {_up_to(likeness.copy)}."
    )


def _up_to(copy: str) -> str:
    return "exactly" if copy == "copy" else f"up to rounding to {copy.removesuffix(' copy')}"


def _half(other: Vae, likeness: Likeness) -> Relative | None:
    """One is the encoder or the decoder of the other, and nothing else."""
    if len(likeness.halves) > 1 or bool(likeness.only_one) == bool(likeness.only_other):
        return None
    ((half, told),) = likeness.halves.items()
    if not told.copy:
        return None
    rounded = "" if told.copy == "copy" else f", {_up_to(told.copy)}"
    if likeness.only_other:
        text = f"It is the {half} of {other.name}, without the {_rest(likeness.only_other)}{rounded}."
        return Relative(other.name, f"{half} of", told.distance, text, derived=True)
    text = f"{other.name} is its {half} alone{rounded}."
    return Relative(other.name, f"its {half}", told.distance, text, derived=False)


def _rest(halves: frozenset[str]) -> str:
    return " and the ".join(sorted(halves))


def _rescaled(other: Vae, likeness: Likeness, derived: bool | None) -> Relative | None:
    scales = {half: told.scales for half, told in likeness.halves.items() if told.scales}
    if (
        not likeness.same_parts
        or not scales
        or any(not (told.copy or told.scales) for told in likeness.halves.values())
    ):
        return None
    where = " and ".join(f"its {half}" for half in scales)
    inner = f"the values inside {where} are {_times(max(scales.values(), key=lambda scale: scale.factor))}"
    name = other.name
    if any(scale.larger for scale in scales.values()):
        text = f"It is the same as {name}, rescaled: {inner}, and may overflow in fp16; {name} is the fp16-safe one."
    elif derived:
        text = f"It is the same as {name}, made fp16-safe: {inner}."
    else:
        text = f"It is the same as {name}, rescaled: {inner}, so that this is the fp16-safe one."
    return Relative(name, "rescaled", likeness.distance, text, derived)


def _times(scales: Scales) -> str:
    factor = f"{scales.factor:,.0f}" if scales.factor >= 10 else f"{scales.factor:.2g}"
    return f"up to {factor} times {'as large' if scales.larger else 'smaller'}"


def _edited(one: Vae, other: Vae, likeness: Likeness, derived: bool | None) -> Relative | None:
    """They differ in the layers at the picture's end only."""
    if not likeness.same_parts or any(not (told.copy or told.changed) for told in likeness.halves.values()):
        return None
    changed = {name for told in likeness.halves.values() for name in told.changed}
    if not changed <= LAST | FIRST:
        return None
    if not changed & LAST:
        text = f"It differs from {other.name} in its first layer only."
        return Relative(other.name, "first layer", likeness.distance, text, derived)
    before, after = (one, other) if derived is False else (other, one)
    edit = colour_edit(after.sketch.halves["decoder"], before.sketch.halves["decoder"])
    back = ""
    if edit and changed & FIRST:
        undone = takes_back(after.sketch.halves["encoder"], before.sketch.halves["encoder"], edit)
        back = " Its first layer takes that back." if undone else " Its first layer is another, too."
    if edit is None or (changed & FIRST and not back):
        text = f"It differs from {other.name} in its last layer only."
        return Relative(other.name, "last layer", likeness.distance, text, derived)
    sentence = {
        True: f"It is {other.name} with edited colours: {edit.words}.",
        False: f"{other.name} is this one with edited colours: {edit.words}.",
        None: f"It differs from {other.name} in its last layer only, a colour edit; beside {other.name}: {edit.words}.",
    }[derived]
    return Relative(other.name, "colour edit", likeness.distance, sentence + back, derived)


def _nearly(other: Vae, likeness: Likeness) -> Relative | None:
    if likeness.distance >= NEARLY:
        return None
    apart = f"{plain_number(likeness.distance)} apart"
    if not likeness.same_parts:
        half = next(iter(likeness.halves))
        text = f"Its {half} is nearly that of {other.name}, {apart}."
        return Relative(other.name, f"similar {half}", likeness.distance, text)
    equal = likeness.equal_halves
    same = f"; the {equal[0]} is the same" if equal else ""
    text = f"It is nearly the same as {other.name}, {apart}{same}."
    return Relative(other.name, "nearly the same", likeness.distance, text)


def _same_half(other: Vae, likeness: Likeness) -> Relative | None:
    for half in likeness.equal_halves:
        rest = [_apart(name, told) for name, told in likeness.halves.items() if name != half]
        text = f"It has the {half} of {other.name}" + "".join(f"; {words}" for words in rest) + "."
        return Relative(other.name, f"same {half}", likeness.distance, text)
    return None


def _apart(half: str, told: HalfLikeness) -> str:
    if told.distance >= STRANGERS:
        return f"the {half}s have nothing in common"
    return f"the {half}s are {plain_number(told.distance)} apart"


def _similar(other: Vae, likeness: Likeness) -> Relative | None:
    if likeness.distance >= SIMILAR:
        return None
    distance = plain_number(likeness.distance)
    if not likeness.same_parts:
        half = next(iter(likeness.halves))
        text = f"Its {half} resembles that of {other.name}, at a distance of {distance}."
        return Relative(other.name, f"similar {half}", likeness.distance, text)
    text = f"It resembles {other.name}, at a distance of {distance}."
    return Relative(other.name, "similar", likeness.distance, text)


def plain_number(distance: float) -> str:
    """``0.12``, or ``1e-3`` for small ones."""
    if distance >= 0.01:
        return f"{distance:.2g}"
    digits, exponent = f"{distance:.0e}".split("e")
    return f"{digits}e{int(exponent)}"
