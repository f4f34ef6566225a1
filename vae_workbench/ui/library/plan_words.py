"""What a VAE needs in order not to overflow, in the words of the pages."""

from __future__ import annotations

from ...precision.plan import AUTO, Plan, Precision
from ...precision.structure import HALVES, Half
from ..shared.file_table import Badge

HELPED = "Here it is run so that they come out right."


def plan_reasons(plan: Plan) -> tuple[str, ...]:
    """What was learned of a VAE and how often it was repaired, as sentences; none if there is nothing to tell."""
    told = [sentence for half in HALVES if (sentence := _half(plan, half))]
    if plan.pinned != AUTO:
        told.append(f"You pinned it to {plan.pinned}.")
    if plan.repairs:
        told.append(f"Results repaired so far: {plan.repairs}.")
    return tuple(told)


def plan_badges(plan: Plan) -> tuple[Badge, ...]:
    """A warning where a VAE overflows in fp16."""
    unsafe = [half for half in HALVES if plan.half(half).precision is not Precision.FP16]
    if not unsafe:
        return ()
    return (("fp16-unsafe", "warning", f"In fp16 its {' and '.join(unsafe)} can give black pictures. {HELPED}"),)


def _half(plan: Plan, half: Half) -> str:
    learned = plan.half(half)
    if learned.precision is Precision.FP16:
        return ""
    if not learned.evidence:
        return f"The {half} of this VAE is known to overflow in fp16."
    last = learned.evidence[-1]
    where = f", at {last.stage}, which reached {last.maximum:.3g}" if last.stage else ""
    return f"Its {half} overflowed in fp16 on {last.when}{where}; it runs in {learned.precision.value} now."
