"""How long the rest of a comparison will take."""

from __future__ import annotations

import pytest

from vae_workbench.compare.decoding.remaining import Remaining


def test_nothing_is_told_before_anything_is_known() -> None:
    assert Remaining([("a", 100), ("b", 100)]).seconds(0.1, 2.0) is None


def test_the_first_cell_tells_of_the_others_while_it_runs() -> None:
    assert Remaining([("a", 100), ("b", 300)]).seconds(0.5, 2.0) == pytest.approx(2 + 3 * 4)


def test_what_a_vae_took_for_a_pixel_counts_for_its_other_cells() -> None:
    remaining = Remaining([("slow", 100), ("fast", 100), ("slow", 200), ("fast", 200)])
    remaining.finished(10.0)
    remaining.finished(1.0)
    assert remaining.seconds(0.0, 0.0) == pytest.approx(20 + 2)
    remaining.finished(20.0)
    assert remaining.seconds(0.1, 0.5) == pytest.approx(1.5)
    remaining.finished(2.0)
    assert remaining.seconds(0.0, 0.0) == 0.0
