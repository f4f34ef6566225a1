"""Whether values from JSON are what they are taken for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from vae_workbench.compare.folder.json_shapes import fits


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (int, [0, -5], [True, 1.0, "1", None, 1 << 60]),
        (float, [0, 0.5, 3e38], [True, "1", None, 1e300, float("inf"), float("nan")]),
        (str | None, ["", None], [0, []]),
        (Literal["a", "b"], ["a"], ["c", None, ["a"]]),
        (tuple[str, ...], [[], ["a"]], ["a", [1], None]),
        (Mapping[str, int], [{}, {"a": 1}], [{"a": "b"}, []]),
        ([{"a": int}], [[], [{"a": 1, "b": 2}]], [{}, [{}], [{"a": "1"}], [1]]),
    ],
)
def test_only_what_is_meant_fits(shape: Any, good: list[Any], bad: list[Any]) -> None:
    assert all(fits(value, shape) for value in good)
    assert [value for value in bad if fits(value, shape)] == []
