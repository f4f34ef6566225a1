"""Means with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vae_workbench.evaluate.summary.statistics import mean_of, share_of


@pytest.mark.parametrize("count", [2, 10, 1000])
def test_the_interval_of_a_mean_is_students(count: int) -> None:
    values = np.random.default_rng(count).normal(30, 4, count)
    told = mean_of(values)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert told is not None and told.half is not None
    assert (told.mean - told.half, told.mean + told.half) == pytest.approx((low, high))
    assert told.deviation == pytest.approx(values.std(ddof=1)) and told.percentiles[2] == pytest.approx(
        np.median(values)
    )


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(5), 0
    for _ in range(1000):
        told = mean_of(random.exponential(2.0, 60))
        assert told is not None and told.half is not None
        held += abs(told.mean - 2.0) <= told.half
    assert 915 <= held <= 970


def test_what_is_no_number_is_left_out() -> None:
    told = mean_of(np.array([1.0, np.nan, 3.0, np.inf]))
    assert told is not None and (told.count, told.mean) == (2, 2.0)
    assert mean_of(np.array([np.nan])) is None
    single = mean_of(np.array([7.0]))
    assert single is not None and (single.mean, single.half, single.deviation) == (7.0, None, None)


@pytest.mark.parametrize(("successes", "count"), [(0, 10), (10, 10), (83, 100), (1, 3)])
def test_the_interval_of_a_share_is_wilsons(successes: int, count: int) -> None:
    told = share_of(successes, count)
    theirs = stats.binomtest(successes, count).proportion_ci(0.95, "wilson")
    assert (told.low, told.high) == pytest.approx((theirs.low, theirs.high))
