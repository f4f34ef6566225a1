"""The built-in pictures by name, drawn when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from PIL import Image

from ....errors import InvalidInput
from . import scenes
from .face import face

BUILT_IN: Mapping[str, Callable[[], Image.Image]] = {
    "face": face,
    "foliage": scenes.foliage,
    "night": scenes.night,
    "skin": scenes.skin,
    "gradients": scenes.gradients,
    "text": scenes.text,
    "colours": scenes.colours,
}
"""Name → what draws it: an RGB picture of 512×512, always the same."""


@lru_cache(maxsize=len(BUILT_IN))
def built_in(name: str) -> Image.Image:
    """One of the built-in pictures, drawn once: that takes a second. It is not to be changed.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name not in BUILT_IN:
        raise InvalidInput(f"There is no built-in picture {name!r}", f"Choose one of {', '.join(BUILT_IN)}")
    return BUILT_IN[name]()
