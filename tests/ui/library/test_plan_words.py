"""What a VAE needs, in words."""

from __future__ import annotations

from vae_workbench.precision.plan import Evidence, HalfPlan, Plan, Precision
from vae_workbench.ui.library.plan_words import plan_badges, plan_reasons


def test_of_a_healthy_vae_there_is_nothing_to_tell() -> None:
    assert plan_reasons(Plan()) == () and plan_badges(Plan()) == ()


def test_where_and_when_it_overflowed_and_what_it_runs_in() -> None:
    evidence = (Evidence("2026-01-31 12:00:00", "decoder.up.1", 81234.0),)
    plan = Plan(decoder=HalfPlan(Precision.RESCALED, {"decoder.conv_in": 4}, evidence=evidence), repairs=3)
    sentence, repairs = plan_reasons(plan)
    assert sentence == (
        "Its decoder overflowed in fp16 on 2026-01-31 12:00:00, at decoder.up.1, which reached 8.12e+04; "
        "it runs in fp16 rescaled now."
    )
    assert repairs.endswith("3.")
    ((text, kind, plain),) = plan_badges(plan)
    assert (text, kind) == ("fp16-unsafe", "warning")
    assert "its decoder can give black pictures" in plain and "8.12" not in plain


def test_known_ones_and_pinned_ones() -> None:
    known = Plan("bf16", encoder=HalfPlan(Precision.RESCALED))
    assert plan_reasons(known) == (
        "The encoder of this VAE is known to overflow in fp16.",
        "You pinned it to bf16.",
    )
