"""What a repair teaches."""

from __future__ import annotations

import pytest

from tests.host_vaes import LdmVae
from tests.small_vaes import small_kl
from vae_workbench.precision.learning import learned, unconfirmed
from vae_workbench.precision.plan import HalfPlan, Precision
from vae_workbench.precision.structure import parts_of

PARTS = parts_of(LdmVae(small_kl()), "decoder")
STREAM = "decoder.up.1.block.0"


def test_first_scales_then_wider_ones_then_the_wider_format() -> None:
    first = learned(HalfPlan(), PARTS, {STREAM: 2.0**18}, Precision.FP32)
    assert (first.precision, first.exponents, first.widened) == (Precision.RESCALED, {STREAM: 6}, False)
    second = learned(first, PARTS, {STREAM: 2.0**24}, Precision.FP32)
    assert (second.precision, second.exponents, second.widened) == (Precision.RESCALED, {STREAM: 16}, True)
    third = learned(second, PARTS, {STREAM: 2.0**30}, Precision.FP32)
    assert third.precision is Precision.FP32
    assert [(evidence.stage, evidence.maximum) for evidence in third.evidence] == [
        (STREAM, 2.0**e) for e in (18, 24, 30)
    ]


def test_wider_scales_are_never_smaller() -> None:
    first = learned(HalfPlan(), PARTS, {STREAM: 2.0**30}, Precision.FP32)
    second = learned(first, PARTS, {"decoder.conv_in": 2.0**17}, Precision.FP32)
    assert second.exponents == {STREAM: 18, "decoder.conv_in": 9}


@pytest.mark.parametrize("wide", [Precision.BF16, Precision.FP32])
@pytest.mark.parametrize(
    ("maxima", "stage"),
    [
        ({STREAM: 2.0**18, "decoder.norm_out": 1e5}, STREAM),  # goes into an activation
        ({"decoder.mid.attn_1.q": 1e5}, "decoder.mid.attn_1.q"),  # goes into a product
        ({STREAM: 100.0, "decoder.conv_in": 10.0}, STREAM),  # nothing that was seen is too large
        ({}, ""),
    ],
)
def test_where_scales_are_no_help(wide: Precision, maxima: dict[str, float], stage: str) -> None:
    plan = learned(HalfPlan(), PARTS, maxima, wide)
    assert plan.precision is wide and not plan.exponents and plan.evidence[0].stage == stage


def test_where_scales_are_not_wanted() -> None:
    assert learned(HalfPlan(), PARTS, {STREAM: 1e6}, Precision.FP32, rescaling=False).precision is Precision.FP32


def test_scales_that_did_not_prove_right_are_dropped() -> None:
    plan = unconfirmed(learned(HalfPlan(), PARTS, {STREAM: 1e6}, Precision.FP32), Precision.FP32)
    assert plan.precision is Precision.FP32 and not plan.exponents and plan.evidence
