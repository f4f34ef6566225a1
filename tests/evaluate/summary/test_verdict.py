"""What is said first of an evaluation."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence

import pytest

from vae_workbench.evaluate.report.tables import conclusions
from vae_workbench.evaluate.summary.statistics import METHOD, Mean, Share
from vae_workbench.evaluate.summary.summary import Pair, Row, Summary
from vae_workbench.evaluate.summary.verdict import verdict
from vae_workbench.words import LANGUAGES, TABLES, Words


def mean(value: float = 0.1) -> Mean:
    return Mean(100, value, 0.01, 0.02, (0.0,) * 5)


def pair(closer: str, other: str, measure: str = "flip", share: float = 0.83, **more: object) -> Pair:
    given = {"ties": 0, "difference": mean(), "is_sure": True, "is_visible": None} | more
    return Pair(closer, other, measure, Share(100, share, share - 0.02, share + 0.02), **given)  # type: ignore[arg-type]


def summary(pairs: list[Pair], titles: Sequence[str] = "AB") -> Summary:
    rows = [Row(title, title, "fp32", 0, {}, 0) for title in titles]
    return Summary({}, 100, 0, 0, {}, [], rows, pairs, [])


def test_one_sentence_answers() -> None:
    assert verdict(summary([pair("A", "B")])) == ["A is closer than B in 83 ± 2 % of the pictures."]


def test_of_many_the_next_one_is_told() -> None:
    pairs = [pair("A", "B", difference=mean(0.2)), pair("A", "C", share=0.61), pair("C", "B")]
    first, *_ = verdict(summary(pairs, "ABC"))
    assert first == "A is the closest of 3: closer than C, the next one, in 61 ± 2 % of the pictures."


def test_what_cannot_be_told_apart_is_not_told_apart() -> None:
    unsure = pair("A", "B", share=0.52, is_sure=False)
    assert verdict(summary([unsure])) == ["A and B cannot be told apart: A is closer in 52 ± 2 % of the pictures."]
    assert verdict(summary([pair("A", "B", is_sure=False, ties=100)])) == ["A and B give the same pictures."]
    assert verdict(summary([unsure, pair("A", "C"), pair("B", "C")], "ABC"))[0].startswith("None of 3 is surely")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (pair("A", "B", "psnr"), "All measures say the same."),
        (pair("B", "A", "psnr"), "The opposite is told by PSNR"),
        (pair("A", "B", "psnr", is_visible=False), "too little to be seen"),
    ],
)
def test_the_other_measures_agree_or_not(other: Pair, told: str) -> None:
    assert any(told in sentence for sentence in verdict(summary([pair("A", "B"), other])))


def test_few_pictures_are_told() -> None:
    few = Pair("A", "B", "flip", Share(7, 0.9, 0.6, 1.0), 0, mean(), True, None)
    assert verdict(summary([few]))[-1].startswith("These are few pictures (7)")


@pytest.mark.parametrize("table", LANGUAGES.values())
def test_it_is_said_in_the_languages_of_the_pages(table: str) -> None:
    words = Words(json.loads((TABLES / f"{table}.json").read_text(encoding="utf-8")))
    few = Pair("A.pt", "B.pt", "flip", Share(7, 0.9, 0.6, 1.0), 0, mean(), True, None)
    unsure, ties = pair("A.pt", "B.pt", is_sure=False), pair("A.pt", "B.pt", is_sure=False, ties=100)
    three = [pair("A", "B", is_sure=False), pair("A", "C"), pair("B", "C")]
    cases = [
        summary([few, pair("A.pt", "B.pt", "psnr", is_visible=False)], ["A.pt", "B.pt"]),
        summary([few, pair("B.pt", "A.pt", "psnr")], ["A.pt", "B.pt"]),
        summary([pair("A.pt", "B.pt", share=0.4)], ["A.pt", "B.pt"]),
        summary([unsure, pair("A.pt", "B.pt", "ssim", is_sure=False)], ["A.pt", "B.pt"]),
        summary([ties], ["A.pt", "B.pt"]),
        summary([pair("A", "B"), pair("A", "C"), pair("C", "B")], "ABC"),
        summary(three, "ABC"),
    ]
    for case in cases:
        for sentence in (*verdict(case), *itertools.chain(*conclusions(case)), METHOD):
            told = words.translated(sentence)
            assert told and not re.search(r"[a-z]{4}|\{", told), f"{sentence} → {told}"


def test_nothing_is_said_where_there_is_nothing_to_compare() -> None:
    assert verdict(summary([], "A")) == []
