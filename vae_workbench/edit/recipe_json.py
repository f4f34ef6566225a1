"""A recipe as JSON has it, for the page "Workshop" and the API: ``[{"extract": {}}, {"tone": {"preset": "paler"}}]``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InvalidInput
from ..printable import printable
from .colour_presets import ADJUSTMENTS, asked_tone
from .recipe import Recipe, Step
from .steps.bake import Bake
from .steps.change_dtype import FORMATS, ChangeDtype
from .steps.extract import Extract
from .steps.fp16_safe import Fp16Safe
from .steps.match import MatchLook
from .steps.merge import METHODS, Merge
from .steps.rename import SCHEMES, Rename
from .steps.repair import Repair
from .steps.tone import UndoTone

MOST_STEPS = 16
MATCHED_ON = ("face", "foliage", "night", "skin")
"""Built-in pictures on which a look is found if none are named."""

Fields = Mapping[str, Any]
Check = Callable[[Any], Any]
"""Gives the value as it is used; raises ValueError with what is wanted instead."""


@dataclass(frozen=True)
class Names:
    """What the names in a recipe mean; both raise InvalidInput for a name that means nothing.

    Attributes:
        file: the file of a VAE or a checkpoint.
        picture: a picture, 1×3×H×W in −1..1.
    """

    file: Callable[[str], Path]
    picture: Callable[[str], Tensor]


@dataclass(frozen=True)
class StepKind:
    """A kind of step.

    Attributes:
        fields: what can be told of it; all of them may be left out but for ``needed``.
        make: the steps from the fields that were told.
        needed: must be told.
    """

    fields: Mapping[str, Check]
    make: Callable[[Fields, Names], tuple[Step, ...]]
    needed: tuple[str, ...] = ()


def recipe_from(source: str | os.PathLike[str], orders: object, names: Names) -> Recipe:
    """A recipe from JSON.

    Args:
        source: the file to begin with.
        orders: a list of objects, each with the kind of a step, a key of :data:`STEPS`, and its fields.
        names: what files and pictures are called.

    Raises:
        InvalidInput: something in it is no step, or steps cannot follow one another so.
    """
    told = told_steps(orders)
    steps = [step for kind, fields in told for step in _made(kind, fields, names)]
    return Recipe(source, tuple(steps), forgiving=any(kind == "repair" for kind, _ in told))


def told_steps(orders: object) -> list[tuple[str, Fields]]:
    """Kinds of steps and their fields, whose values are not looked at.

    Raises:
        InvalidInput: that are no steps, or they cannot follow one another so.
    """
    if not isinstance(orders, list) or len(orders) > MOST_STEPS:
        raise InvalidInput("The steps are no list", f"Give up to {MOST_STEPS} steps")
    told = [_told(order) for order in orders]
    kinds = [kind for kind, _ in told]
    if "repair" in kinds[1:]:
        raise InvalidInput("A repair is of the file as it is", "Put it first, before the other steps")
    if "bake" in kinds and set(kinds[kinds.index("bake") + 1 :]) - {"convert"}:
        raise InvalidInput("After a VAE was baked there is a checkpoint", "Put the other steps before it")
    return told


def gives_checkpoint(is_checkpoint: bool, orders: Sequence[tuple[str, Fields]]) -> bool:
    """Whether the result is a checkpoint, or otherwise a VAE.

    Args:
        is_checkpoint: whether the file is one that the recipe begins with.
        orders: as :func:`told_steps` gives them.
    """
    for kind, _ in orders:
        is_checkpoint = kind == "bake" or (is_checkpoint and kind in ("convert", "repair"))
    return is_checkpoint


def _told(order: object) -> tuple[str, Fields]:
    if not isinstance(order, dict) or len(order) != 1:
        raise InvalidInput("A step names one thing to do", f"Name one of {', '.join(STEPS)}")
    ((kind, fields),) = order.items()
    if kind not in STEPS:
        raise InvalidInput(f"{printable(str(kind))} is no step", f"Name one of {', '.join(STEPS)}")
    if not isinstance(fields, dict):
        raise InvalidInput(f"What {kind} is to do is no object", "Write {} where there is nothing to tell")
    return kind, fields


def _made(kind: str, fields: Fields, names: Names) -> tuple[Step, ...]:
    of = STEPS[kind]
    checked = {}
    for name, value in fields.items():
        if name not in of.fields:
            known = ", ".join(of.fields) or "nothing"
            raise InvalidInput(f"{kind} knows no {printable(str(name))}", f"It takes {known}")
        try:
            checked[name] = of.fields[name](value)
        except ValueError as error:
            raise InvalidInput(f"{name} of {kind} is to be {error}") from error
    for name in of.needed:
        if not checked.get(name):
            raise InvalidInput(f"{kind} does not say {name}", "Choose a file")
    return of.make(checked, names)


# --- fields ---


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of {', '.join(filter(None, choices))}")
        return str(value)

    return check


def _list_of(check: Check, *lengths: int) -> Check:
    def each(value: Any) -> list[Any]:
        if not isinstance(value, list) or (lengths and len(value) not in lengths):
            raise ValueError(f"a list of {' or '.join(map(str, lengths)) or 'such'}")
        return [check(item) for item in value]

    return each


def _weights_of_blocks(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError('an object such as {"encoder": 0.2}')
    return {_text(block): _number(weight) for block, weight in value.items()}


# --- steps ---


def _convert(fields: Fields, _names: Names) -> tuple[Step, ...]:
    names, dtype = fields.get("names"), fields.get("dtype")
    renamed: tuple[Step, ...] = (Rename(names),) if names else ()
    return (*renamed, ChangeDtype(dtype, fields.get("allow_loss", False))) if dtype else renamed


def _merge(fields: Fields, names: Names) -> tuple[Step, ...]:
    others = tuple(names.file(name) for name in fields["with"])
    weights, method = tuple(fields.get("weights", ())), fields.get("method", METHODS[0])
    return (Merge(others, weights, method, fields.get("blocks", {})),)


def _tone(fields: Fields, _names: Names) -> tuple[Step, ...]:
    extract = Extract(expected=False)
    asked = {name: fields[name] for name in ADJUSTMENTS if name in fields}
    if fields.get("undo"):
        if asked or fields.get("preset") or fields.get("matrix"):
            raise InvalidInput("To undo takes back all that was toned, and nothing else at once", "Add another step")
        return extract, UndoTone()
    decoder_only = fields.get("decoder_only", False)
    return extract, asked_tone(asked, fields.get("preset", ""), fields.get("matrix", ()), decoder_only=decoder_only)


def _match(fields: Fields, names: Names) -> tuple[Step, ...]:
    pictures = tuple(map(names.picture, fields.get("pictures") or MATCHED_ON))
    return (MatchLook(names.file(fields["like"]), pictures, fields.get("decoder_only", False)),)


def _fp16_safe(fields: Fields, names: Names) -> tuple[Step, ...]:
    return Extract(expected=False), Fp16Safe(tuple(map(names.picture, fields.get("pictures", ()))))


STEPS: Mapping[str, StepKind] = {
    "convert": StepKind(
        {"names": _one_of("", *SCHEMES), "dtype": _one_of("", *FORMATS), "allow_loss": _flag}, _convert
    ),
    "repair": StepKind({}, lambda _fields, _names: (Repair(),)),
    "extract": StepKind({}, lambda _fields, _names: (Extract(),)),
    "merge": StepKind(
        {
            "with": _list_of(_text, 1, 2),
            "weights": _list_of(_number, 0, 1, 2, 3),
            "method": _one_of(*METHODS),
            "blocks": _weights_of_blocks,
        },
        _merge,
        ("with",),
    ),
    "tone": StepKind(
        {
            "preset": _text,
            "matrix": _list_of(_number, 9, 12),
            "decoder_only": _flag,
            "undo": _flag,
            **dict.fromkeys(ADJUSTMENTS, _number),
        },
        _tone,
    ),
    "match": StepKind({"like": _text, "pictures": _list_of(_text), "decoder_only": _flag}, _match, ("like",)),
    "fp16-safe": StepKind({"pictures": _list_of(_text)}, _fp16_safe),
    "bake": StepKind(
        {"into": _text, "dtype": _one_of("", *FORMATS)},
        lambda fields, names: (Bake(names.file(fields["into"]), fields.get("dtype", "")),),
        ("into",),
    ),
}
"""By the name that the terminal has for it, too."""
