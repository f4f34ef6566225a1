"""The file of results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vae_workbench.evaluate.job import Column, Line
from vae_workbench.evaluate.results import MOST_TOLD, Results, table

COLUMNS = [Column(0, "fp32"), Column(1, "fp32")]


def line(picture: int, vae: int, psnr: float | None = 30.0, **more: object) -> Line:
    return {"picture": picture, "vae": vae, "precision": "fp32", "psnr": psnr, **more}


def test_what_was_added_is_known_when_it_is_opened_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "r", 3, COLUMNS)
    results.add([line(0, 0), line(0, 1), line(2, 1), {"picture": 1, "error": "broken"}])
    again = Results(tmp_path / "r", 3, COLUMNS)
    assert list(again.lines()) == list(results.lines()) and len(list(again.lines())) == 4
    assert again.done.tolist() == results.done.tolist() == [[True, True], [True, True], [False, True]]
    assert all(json.loads(text)["crc"] for text in (tmp_path / "r").read_text().splitlines())


def test_nothing_is_added_twice(tmp_path: Path) -> None:
    results = Results(tmp_path / "r", 2, COLUMNS)
    results.add([line(0, 0), line(0, 0)])
    results.add([line(0, 0), line(1, 0)])
    assert [one["picture"] for one in results.lines()] == [0, 0, 1]
    results = Results(tmp_path / "r", 2, COLUMNS)
    results.add([line(0, 0), line(1, 0)])
    assert len(list(results.lines())) == 3


def test_a_line_that_was_cut_off_anywhere_counts_as_not_there(tmp_path: Path) -> None:
    results = Results(tmp_path / "r", 3, COLUMNS)
    results.add([line(0, 0)])
    whole = (tmp_path / "r").read_bytes()
    results.add([line(1, 0)])
    both = (tmp_path / "r").read_bytes()
    for end in range(len(whole), len(both)):
        (tmp_path / "r").write_bytes(both[:end])
        again = Results(tmp_path / "r", 3, COLUMNS)
        assert again.done[:, 0].tolist() == [True, False, False]
        again.add([line(1, 0), line(2, 0)])
        assert len(list(Results(tmp_path / "r", 3, COLUMNS).lines())) == 3


def test_a_line_that_was_changed_counts_as_not_there(tmp_path: Path) -> None:
    Results(tmp_path / "r", 3, COLUMNS).add([line(0, 0), line(1, 0), line(2, 0)])
    text = (tmp_path / "r").read_bytes()
    (tmp_path / "r").write_bytes(
        text.replace(
            b'"picture":1,"vae":0,"precision":"fp32","psnr":3', b'"picture":1,"vae":0,"precision":"fp32","psnr":4'
        )
    )
    assert Results(tmp_path / "r", 3, COLUMNS).done[:, 0].tolist() == [True, False, True]


def test_what_failed_is_done_again_and_then_forgotten(tmp_path: Path) -> None:
    results = Results(tmp_path / "r", 2, COLUMNS)
    failed = {"picture": 0, "vae": 0, "precision": "fp32", "error": "Memory ran out.", "again": True}
    results.add([failed, line(1, 0), {**failed, "picture": 1, "vae": 1}])
    results = Results(tmp_path / "r", 2, COLUMNS)
    assert results.done.tolist() == [[False, False], [True, False]]
    results.add([line(0, 0)])
    with table(results, COLUMNS) as (_, failures):
        assert failures.failed == {0: 0, 1: 1} and failures.sentences == {(1, 1): "Memory ran out."}


def test_the_table_is_the_same_in_whatever_order_results_came(tmp_path: Path) -> None:
    lines = [line(0, 0, 1.5), line(0, 1, None), line(1, 0, 0.1, ssim=0.25), {"picture": 2, "error": "broken"}]
    tables = []
    for number, order in enumerate((lines, lines[::-1])):
        results = Results(tmp_path / str(number), 4, COLUMNS)
        results.add(order)
        with table(results, COLUMNS) as (values, failures):
            tables.append(({name: value.copy() for name, value in values.items()}, failures))
    (one, told), (other, told_too) = tables
    assert told == told_too and told.broken == 1 and told.sentences == {(2, None): "broken"}
    assert all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
    assert one["psnr"].tolist()[1][0] == np.inf and one["psnr"][0, :2].tolist() == [1.5, 0.1]
    assert np.isnan(one["psnr"][:, 2:]).all() and one["ssim"][0, 1] == 0.25
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_sentences_are_limited_to_the_first(tmp_path: Path) -> None:
    count = MOST_TOLD + 5
    results = Results(tmp_path / "r", count, COLUMNS)
    results.add([{"picture": number, "error": f"broken {number}"} for number in reversed(range(count))])
    with table(results, COLUMNS) as (_, failures):
        assert failures.broken == count and len(failures.sentences) == MOST_TOLD
        assert failures.sentences[0, None] == "broken 0" and (count - 1, None) not in failures.sentences


def test_lines_of_other_columns_are_not_ours(tmp_path: Path) -> None:
    Results(tmp_path / "r", 2, COLUMNS).add([line(0, 1), line(1, 1)])
    assert not list(Results(tmp_path / "r", 1, COLUMNS[:1]).lines())


@pytest.mark.parametrize("text", [b"", b"\n\n", b"no newline at all", b"x" * 200_000])
def test_rubbish_is_no_result(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "r").write_bytes(text)
    results = Results(tmp_path / "r", 1, COLUMNS)
    results.add([line(0, 0)])
    assert list(Results(tmp_path / "r", 1, COLUMNS).lines()) == [line(0, 0)]
