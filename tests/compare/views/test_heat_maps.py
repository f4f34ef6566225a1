"""Heat maps of what differs."""

from __future__ import annotations

import numpy as np
import pytest

from vae_workbench.compare.measuring.flip import flip
from vae_workbench.compare.measuring.measures import fidelity
from vae_workbench.compare.views.heat_maps import HEAT_MAPS, MAGMA, coloured, delta_e_map, draw_heat_map


def pictures(width: int = 60, height: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Two that are equal but for a square of 10×10 at the top left."""
    reference = np.random.default_rng(1).random((height, width, 3), dtype=np.float32) * 0.5
    test = reference.copy()
    test[:10, :10] += 0.4
    return reference, test


def test_delta_e_is_that_of_the_measures_and_where_the_pictures_differ() -> None:
    reference, test = pictures()
    values = delta_e_map(reference, test)
    assert values.mean() == pytest.approx(fidelity(reference, test).delta_e, rel=1e-5)
    assert (values[:10, :10] > 5).all() and not values[10:].any() and not values[:, 10:].any()


def test_the_flip_map_has_the_mean_that_is_told() -> None:
    reference, test = pictures()
    assert HEAT_MAPS["flip"].values(reference, test).mean() == pytest.approx(flip(reference, test))


def test_colours_go_from_black_to_the_brightest_and_stay_there() -> None:
    drawn = coloured(np.array([[0, 5, 10, 99]], dtype=np.float32), 10.0)
    assert [tuple(map(int, colour)) for colour in drawn[0]] == [MAGMA[0], MAGMA[2], MAGMA[4], MAGMA[4]]


@pytest.mark.parametrize("view", ["diff", "flip"])
@pytest.mark.parametrize(("width", "height"), [(300, 40), (20, 30), (1, 1)])
def test_the_map_is_drawn_at_full_size_above_its_scale(view: str, width: int, height: int) -> None:
    reference, test = pictures(width, height)
    kind = HEAT_MAPS[view]
    sheet = np.asarray(draw_heat_map(kind, reference, test, "vae 題 beside the source"))
    assert np.array_equal(sheet[:height, :width], coloured(kind.values(reference, test), kind.most))
    below = sheet[height:]
    assert (below == MAGMA[-1]).all(-1).any() and (below.max(-1) < 60).any(), "the scale and its words"
