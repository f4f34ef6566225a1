"""The pictures drawn by our own code."""

from __future__ import annotations

import numpy as np
import pytest

from vae_workbench.compare.sources.builtin.pictures import BUILT_IN, built_in
from vae_workbench.errors import InvalidInput


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_is_a_picture_with_much_to_see_and_always_the_same(name: str) -> None:
    picture = built_in(name)
    assert picture.size == (512, 512) and picture.mode == "RGB"
    pixels = np.asarray(picture, np.float32)
    assert pixels.std() > 20, "nearly plain"
    if name in ("gradients", "text", "colours"):  # the others take seconds to draw
        assert np.array_equal(pixels, np.asarray(built_in(name)))


def test_the_chart_has_64_colours() -> None:
    squares = np.asarray(built_in("colours"))[32::64, 32::64]
    assert len(np.unique(squares.reshape(-1, 3), axis=0)) == 64


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="face, foliage"):
        built_in("cat")
