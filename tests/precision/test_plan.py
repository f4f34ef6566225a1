"""What each VAE needs, remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vae_workbench.identity.known import known_vaes
from vae_workbench.precision.plan import AUTO, OVERFLOWING, PINS, Evidence, HalfPlan, Plan, Plans, Precision, first_plan

LEARNED = Plan(
    decoder=HalfPlan(
        Precision.RESCALED, {"decoder.conv_in": 5}, False, (Evidence("2026-01-31 12:00:00", "decoder.conv_in", 1e5),)
    ),
    repairs=1,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plans.json"


def test_a_plan_survives_a_restart(path: Path) -> None:
    Plans(path).keep("abc", LEARNED)
    assert Plans(path).of("abc") == LEARNED and Plans(path).all() == {"abc": LEARNED}
    assert Plans(path).of("other") == Plan()


def test_it_is_plain_json_that_a_person_can_read(path: Path) -> None:
    Plans(path).keep("abc", LEARNED)
    row = json.loads(path.read_text(encoding="utf-8"))["abc"]
    assert (
        row["decoder"]["precision"] == "fp16 rescaled" and row["decoder"]["evidence"][0]["stage"] == "decoder.conv_in"
    )


def test_a_pin_goes_before_what_was_learned_and_keeps_it(path: Path) -> None:
    plans = Plans(path)
    plans.keep("abc", LEARNED)
    assert plans.of("abc").start("decoder") is Precision.RESCALED
    plans.pin("abc", "fp32")
    assert plans.of("abc").start("decoder") is plans.of("abc").start("encoder") is Precision.FP32
    plans.pin("abc", AUTO)
    assert plans.of("abc") == LEARNED
    with pytest.raises(ValueError, match="fp8 is none of auto, fp16"):
        plans.pin("abc", "fp8")


def test_clearing_forgets(path: Path) -> None:
    plans = Plans(path)
    plans.keep("abc", LEARNED)
    plans.clear("abc")
    plans.clear("never seen")
    assert plans.of("abc") == Plan() and plans.all() == {}


def test_known_vaes_begin_with_what_is_known_of_them(path: Path) -> None:
    assert Plans(path).of("abc", "sdxl_vae").start("decoder") is Precision.RESCALED
    assert Plans(path).of("abc", "sdxl_vae").start("encoder") is Precision.FP16
    assert first_plan("sdxl-vae-fp16-fix") == first_plan(None) == Plan()
    Plans(path).pin("abc", "bf16", "sdxl_vae")
    Plans(path).pin("abc", AUTO)
    assert Plans(path).of("abc").decoder.precision is Precision.RESCALED


def test_the_known_names_are_in_the_table() -> None:
    assert {vae.name for vae in known_vaes()} >= OVERFLOWING


def test_every_precision_can_be_pinned() -> None:
    assert PINS == ("auto", "fp16", "fp16 rescaled", "bf16", "fp32")


@pytest.mark.parametrize(
    "row",
    [
        None, 7, [], {}, {"pinned": "auto"},
        {"pinned": "auto", "repairs": 1, "encoder": {}, "decoder": {}},
        {"pinned": "auto", "repairs": "x", "encoder": None, "decoder": None},
    ],
)  # fmt: skip
def test_a_row_that_makes_no_sense_is_as_if_nothing_was_learned(path: Path, row: object) -> None:
    path.write_text(json.dumps({"version": 1, "abc": row}), encoding="utf-8")
    assert Plans(path).of("abc") == Plan() and Plans(path).all() == {}
    Plans(path).keep("abc", LEARNED)
    assert Plans(path).of("abc") == LEARNED


@pytest.mark.parametrize("exponent", [-3, 0, 10**9])
def test_scales_that_make_no_sense_are_not_used(path: Path, exponent: int) -> None:
    Plans(path).keep("abc", Plan(decoder=HalfPlan(Precision.RESCALED, {"decoder.conv_in": exponent})))
    assert Plans(path).of("abc") == Plan()


def test_an_unknown_pin_is_none(path: Path) -> None:
    Plans(path).keep("abc", LEARNED)
    path.write_text(path.read_text(encoding="utf-8").replace('"auto"', '"fp4"'), encoding="utf-8")
    assert Plans(path).of("abc") == LEARNED
