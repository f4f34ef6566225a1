"""What a repair teaches: the plan for the pictures to come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from .maxima import FP16_MAX, Maxima, first_over
from .plan import Evidence, HalfPlan, Precision
from .scales import CEILING, WIDER_CEILING, exponents_for
from .structure import Part


def learned(plan: HalfPlan, parts: Sequence[Part], maxima: Maxima, wide: Precision, rescaling: bool = True) -> HalfPlan:
    """The plan after fp16 failed and a wider number format succeeded.

    First scales, then once wider scales, then the wider format itself. Scales are no help where an activation that cannot be
    scaled is too large, or where none is: then it was a product inside attention.

    Args:
        plan: what it was when fp16 failed.
        parts: of the half.
        maxima: of the run that succeeded.
        wide: the format that it ran in.
        rescaling: whether scales may be used at all.
    """
    stage, maximum = first_over(maxima) or max(maxima.items(), key=lambda item: item[1], default=("", 0.0))
    evidence = (*plan.evidence, Evidence.now(stage, maximum))
    fixed = {part.name for part in parts if part.writes is None}
    hopeless = any(not maxima.get(name, 0.0) <= FP16_MAX for name in fixed)
    again = bool(plan.exponents)
    exponents = exponents_for(parts, maxima, WIDER_CEILING if again else CEILING)
    exponents = {
        value: max(exponents.get(value, 0), plan.exponents.get(value, 0)) for value in {**exponents, **plan.exponents}
    }
    if not rescaling or hopeless or not exponents or plan.widened or not all(map(math.isfinite, maxima.values())):
        return replace(plan, precision=wide, evidence=evidence)
    return HalfPlan(Precision.RESCALED, exponents, again, evidence)


def unconfirmed(plan: HalfPlan, wide: Precision) -> HalfPlan:
    """The plan when the rescaled network did not give the same picture: no scales, the wider format."""
    return replace(plan, precision=wide, exponents={}, widened=True)
