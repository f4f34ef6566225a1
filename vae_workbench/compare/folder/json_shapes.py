"""Whether values that came from JSON are what they are taken for: a folder may be from anybody."""

from __future__ import annotations

import types
from collections import abc
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

LARGEST = {int: 1 << 50, float: 1e39}
"""No number of a comparison is larger: sizes and bytes, and what float32 holds."""

Number = int | float
OptionalText = str | None
OptionalNumber = int | float | None

_STATISTICS = dict.fromkeys(("mean", "std", "min", "max"), OptionalNumber)

LATENT: Mapping[str, Any] = {
    **dict.fromkeys(("width", "height", "channels", "downscale"), int),
    **dict.fromkeys(("encoder", "encoder_name", "preview", "error"), OptionalText),
    **dict.fromkeys(("low", "high"), Number),
    "source": str,
    "statistics": [_STATISTICS],
    "channels_images": [str],
}
"""What :mod:`..views.latent_view` tells, as far as it is read again."""

LOSS: Mapping[str, Any] = {
    **dict.fromkeys(("source", "encoder", "decoder", "encoder_name", "decoder_name"), str),
    "rounds": [{"round": int, "psnr": OptionalNumber, "delta_e": Number, "flip": Number, "image": str}],
    "error": OptionalText,
}
"""The same of :mod:`..views.generation_loss`."""


def fits(value: Any, shape: Any) -> bool:
    """Whether a value is of a shape: a type as annotations have it, a list of one shape, or names with a shape each, all of which
    have to be there."""
    if isinstance(shape, list):
        return isinstance(value, (list, tuple)) and all(fits(one, shape[0]) for one in value)
    if isinstance(shape, Mapping):
        return isinstance(value, Mapping) and all(name in value and fits(value[name], shape[name]) for name in shape)
    origin, arguments = get_origin(shape), get_args(shape)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return fits(value, [arguments[0]])
    if origin is abc.Mapping:
        return isinstance(value, Mapping) and all(fits(one, arguments[1]) for one in value.values())
    if shape in (int, float):
        kinds = (int,) if shape is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and abs(value) <= LARGEST[shape]
    return isinstance(value, shape)
