"""What a VAE did to a picture, in numbers."""

from __future__ import annotations

import numpy as np
import pytest

from vae_workbench.compare.measuring.measures import Fidelity, fidelity, leaders, look


def noise(height: int = 32, width: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def test_identical_pictures() -> None:
    measured = fidelity(noise(), noise())
    assert (measured.psnr, measured.ssim, measured.delta_e) == (None, pytest.approx(1.0), 0.0)


def test_psnr_follows_its_definition() -> None:
    original = np.full((16, 16, 3), 0.5, np.float32)
    assert fidelity(original, original + np.float32(0.1)).psnr == pytest.approx(20.0, abs=1e-4)


def test_worse_is_worse_in_every_measure() -> None:
    original, error = noise(), noise(seed=1) - 0.5
    near, far = (fidelity(original, np.clip(original + error * f, 0, 1).astype(np.float32)) for f in (0.1, 0.4))
    assert near.psnr > far.psnr and near.ssim > far.ssim and near.delta_e < far.delta_e


def test_pictures_too_small_for_ssim_have_none() -> None:
    measured = fidelity(noise(6, 40), noise(6, 40, seed=1))
    assert measured.ssim is None and measured.psnr is not None


def test_look_of_known_colours() -> None:
    white, black = look(np.ones((4, 4, 3), np.float32)), look(np.zeros((4, 4, 3), np.float32))
    assert (white.brightness, white.contrast) == (pytest.approx(100, abs=0.01), pytest.approx(0, abs=0.01))
    assert black.brightness == pytest.approx(0) and white.saturation < 0.1
    red = look(np.tile(np.float32([1, 0, 0]), (4, 4, 1)))
    assert red.brightness == pytest.approx(53.24, abs=0.1) and red.saturation == pytest.approx(104.55, abs=0.1)


def test_contrast_is_the_spread_of_lightness() -> None:
    halves = np.zeros((4, 4, 3), np.float32)
    halves[:2] = 1
    assert look(halves).contrast == pytest.approx(50, abs=0.01)


def test_equal_measures_share_the_lead_and_what_can_be_seen_decides() -> None:
    """Of two VAEs with the same numbers only the first had the star."""
    near, equal, far = Fidelity(32.0, 0.950, 2.00), Fidelity(32.0, 0.950, 2.00), Fidelity(30.0, 0.900, 2.50)
    just_behind = Fidelity(31.6, 0.946, 2.09)
    expected = frozenset({0, 1, 3})
    assert leaders([near, equal, far, just_behind]) == {"psnr": expected, "ssim": expected, "delta_e": expected}


def test_nobody_leads_where_nobody_is_seen_to_be_behind() -> None:
    none = {"psnr": frozenset(), "ssim": frozenset(), "delta_e": frozenset()}
    assert leaders([]) == leaders([None]) == leaders([Fidelity(32.0, 0.95, 2.0)]) == none
    assert leaders([Fidelity(32.0, 0.950, 2.00), None, Fidelity(32.4, 0.954, 1.95)]) == none
    assert leaders([Fidelity(None, 1.0, 0.0), Fidelity(61.0, 0.9999, 0.05)]) == none, "both look like the original"


def test_identical_leads_and_small_pictures_have_no_ssim() -> None:
    told = leaders([Fidelity(30.0, None, 2.0), Fidelity(None, None, 0.0)])
    assert told == {"psnr": frozenset({1}), "ssim": frozenset(), "delta_e": frozenset({1})}
