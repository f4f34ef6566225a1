"""What a check of a VAE found, in the words of the pages, with its activation maxima as a chart."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from functools import partial

from ...library.file_check import FileCheck
from ...precision.chart import draw_chart, share
from ...precision.check import LIMITS, HalfCheck, Stage
from ...precision.plan import Precision
from ...precision.structure import Half
from ..shared.messages import message, text_html

LIMIT = LIMITS["fp16"]
ADVICE = {
    Precision.RESCALED: "fp16 rescaled will do: it computes the same, at full speed.",
    Precision.FP32: "It needs fp32: scaling its weights does not help there.",
}


def check_html(name: str, check: FileCheck) -> str:
    """What was found in a file of this name, the worst first, and the chart."""
    order = ("error", "warning", "info")
    warnings = [("warning", warning) for warning in check.warnings]
    told = sorted((*_damage(check), *warnings, *map(_half, check.halves)), key=lambda it: order.index(it[0]))
    sentences = "".join(message(sentence, kind) for kind, sentence in told)
    return (
        f"<section class='vaewb-check' aria-label='Check in fp16'><h3>Check in fp16</h3>{sentences}{_chart(name, check)}"
        "</section>"
    )


def _damage(check: FileCheck) -> Iterator[tuple[str, str]]:
    if check.damaged:
        first, *others = check.damaged
        more = f" and {len(others)} more tensors" if others else ""
        yield "error", f"The file is damaged: {first}{more} hold NaN or infinite weights. Choose another copy of it."


def _half(check: HalfCheck) -> tuple[str, str]:
    """How bad it is, and a sentence for people."""
    if check.not_finite_at:
        what = f"Its {check.half} gives NaN or infinite values even in fp32, first at {check.not_finite_at}."
        return "error", f"{what} No precision helps; choose another VAE."
    if check.needs is not Precision.FP16:
        at = next(stage for stage in check.stages if stage.headroom < 1)
        what = f"Its {check.half} overflows in fp16, first at {at.name}, which reaches {at.maximum:.3g}."
        return "warning", f"{what} {ADVICE[check.needs]}"
    tightest = min(check.stages, key=lambda stage: stage.headroom)
    if not tightest.maximum:
        return "warning", f"Its {check.half} gives nothing but zeros."
    room = f"{tightest.maximum:.3g} at {tightest.name}, {tightest.headroom:.3g} times below the limit"
    return "info", f"Its {check.half} fits into fp16: the largest activation is {room}."


def _chart(name: str, check: FileCheck) -> str:
    halves = "".join(
        f"<h4>{half.half}</h4><ul>{''.join(map(partial(_row, half.half), half.stages))}</ul>" for half in check.halves
    )
    note = "Computed in fp32 from a chart of colours. Bars are logarithmic, and the line is 65504, the largest number of fp16."
    return (
        "<details class='vaewb-section' open><summary>Largest activations by stage</summary>"
        f"<div class='vaewb-stages' style='--vaewb-limit:{share(LIMIT):.4f}'>{halves}</div>"
        f"<p class='vaewb-note'>{note}</p>"
        f"<a class='vaewb-download' download='{text_html(name)} in fp16.png' href='{_png(check)}'>"
        "Save the chart as PNG</a></details>"
    )


def _row(half: Half, stage: Stage) -> str:
    over = " class='vaewb-over'" if stage.headroom < 1 else ""
    name = text_html(stage.name.removeprefix(half + "."))
    bar = f"<i style='--vaewb-share:{share(stage.maximum):.4f}'></i>"
    return f"<li{over}><span>{name}</span>{bar}<b>{stage.maximum:.3g}</b></li>"


def _png(check: FileCheck) -> str:
    """The chart's address."""
    saved = io.BytesIO()
    draw_chart(check.halves, LIMIT).save(saved, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(saved.getvalue()).decode()}"
