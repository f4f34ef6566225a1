"""ꟻLIP, beside the authors' own program."""

from __future__ import annotations

import flip_evaluator
import numpy as np
import pytest

from vae_workbench.compare.measuring.flip import flip, flip_map

Pictures = tuple["np.ndarray", "np.ndarray"]


def pictures(height: int, width: int, strength: float) -> Pictures:
    rng = np.random.default_rng(height * width)
    smooth = np.kron(rng.random((height // 8 + 1, width // 8 + 1, 3)), np.ones((8, 8, 1)))[:height, :width]
    one = (0.8 * smooth + 0.2 * rng.random((height, width, 3))).astype(np.float32)
    return one, np.clip(one * (1 - strength) + strength * rng.random(one.shape), 0, 1).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (40, 24), (17, 31), (150, 70)])
@pytest.mark.parametrize("strength", [0.02, 0.3, 1.0])
def test_equals_the_reference(height: int, width: int, strength: float) -> None:
    one, other = pictures(height, width, strength)
    reference, mean, _ = flip_evaluator.evaluate(one, other, "LDR", applyMagma=False)
    made = flip_map(one, other)
    assert np.abs(made - reference.squeeze()).max() < 1e-3
    assert abs(flip(one, other) - mean) < 1e-4


def test_extremes() -> None:
    green, blue = (np.broadcast_to(np.float32(colour), (16, 16, 3)).copy() for colour in ([0, 1, 0], [0, 0, 1]))
    assert flip(green, green) == 0
    assert flip(green, blue) == pytest.approx(1, abs=1e-5)


def test_exchanging_the_pictures_changes_nothing() -> None:
    one, other = pictures(32, 32, 0.2)
    assert np.array_equal(flip_map(one, other), flip_map(other, one))
