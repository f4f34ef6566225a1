"""What is measured of each picture."""

from __future__ import annotations

import numpy as np
import pytest

from vae_workbench.compare.measuring.flip import flip
from vae_workbench.compare.measuring.measures import fidelity
from vae_workbench.evaluate.measuring.measured import MEASURES, Original


def picture(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).random((24, 32, 3), np.float32) * np.float32(0.6) + np.float32(0.2)


def test_the_numbers_are_those_of_a_comparison() -> None:
    a, b = picture(1), picture(2)
    measured, close = Original(a).measures(b), fidelity(a, b)
    assert (measured["psnr"], measured["ssim"], measured["delta_e"]) == (close.psnr, close.ssim, close.delta_e)
    assert measured["flip"] == flip(a, b)
    assert set(measured) == set(MEASURES) - {"lpips"}


@pytest.mark.parametrize(
    ("factors", "name"),
    [((1.2, 1.2, 1.2), "brightness_shift"), ((1.2, 0.95, 1), "red_shift"), ((1.1, 1.1, 0.8), "yellow_shift")],
)
def test_shifts_have_a_direction(factors: tuple[float, ...], name: str) -> None:
    a = picture(1)
    b = np.clip(a * np.array(factors, np.float32), 0, 1)
    there, back = Original(a).measures(b)[name], Original(b).measures(a)[name]
    assert there is not None and back is not None and there > 1 and there == pytest.approx(-back)


def test_no_difference_has_no_psnr() -> None:
    measured = Original(picture(1)).measures(picture(1))
    assert measured["psnr"] is None and measured["delta_e"] == 0 and measured["colour_shift"] == 0
