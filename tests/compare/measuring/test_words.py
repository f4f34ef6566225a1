"""What a picture looks like, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vae_workbench.compare.measuring.measures import Look, RgbImage, look
from vae_workbench.compare.measuring.words import describe
from vae_workbench.compare.sources.builtin.pictures import built_in

PLAIN = Look(50, 20, 40, 2, 4, 3, 1000, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no difference to be seen"),
        ({"saturation": 18.0}, "paler (−22)"),
        ({"saturation": 43.0}, "slightly more vivid (+3)"),
        ({"brightness": 57.0, "sharpness": 2.6}, "brighter (+7), slightly softer"),
        ({"a": -1.0}, "slightly greenish"),
        ({"b": -6.0}, "bluish"),
        ({"a": 8.0, "b": -2.0}, "purplish"),
        ({"contrast": 12.0, "saturation": 38.5}, "flatter (−8)"),
        ({"sharpness": 4.5}, "sharper"),
    ],
)
def test_the_plainest_difference_comes_first(changes: dict[str, float], words: str) -> None:
    assert describe(replace(PLAIN, **changes), PLAIN) == words  # type: ignore[arg-type]


def test_what_is_done_to_a_picture_is_said() -> None:
    source: RgbImage = np.asarray(built_in("colours"), np.float32) / 255
    grey = source.mean(axis=2, keepdims=True)
    pale = (grey + (source - grey) * 0.5).astype(np.float32)
    assert describe(look(pale), look(source)).startswith("paler (−")
    warm = np.clip(source * np.float32([1.1, 1.0, 0.85]), 0, 1)
    assert "yellow" in describe(look(warm), look(source)) or "orange" in describe(look(warm), look(source))


def test_a_warm_picture_that_is_paler_is_not_greenish() -> None:
    """Its mean colour goes towards grey, which was told as a green cast."""
    warm = Look(60, 20, 20, a=12, b=10, sharpness=1)
    assert describe(replace(warm, saturation=12, a=7.2, b=6), warm) == "paler (−8)"
    assert "greenish" in describe(replace(warm, saturation=18, a=4), warm)
    assert "greenish" in describe(replace(warm, saturation=12, a=2, b=6), warm)
