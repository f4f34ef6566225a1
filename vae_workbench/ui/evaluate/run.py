"""What a click on "Evaluate" starts."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...progress import Progress, part
from ..workbench import Workbench
from .evaluations import KeptEvaluation

if TYPE_CHECKING:
    from ...evaluate.summary.summary import Summary

COMPUTED = 0.95
"""The part of the progress that the computing has; looking at the VAEs and the report have what is left."""


def evaluate(workbench: Workbench, kept: KeptEvaluation, progress: Progress) -> Summary:
    """Computes what is missing of an evaluation, and writes all that can be told of it.

    On a CPU, processes of their own do it, so that the pages and the web UI keep their threads. Elsewhere the device is held for
    two seconds at a time: pictures can be made in between.

    Raises:
        WorkbenchError: it cannot be done, or not be gone on with. What was done is kept.
        Cancelled: passed on from ``progress``. What was done is kept, and told of.
    """
    from ...evaluate.compute import compute
    from ...evaluate.evaluation import begin
    from ...evaluate.report.report import write_report

    order, device = kept.order, workbench.device()
    hold = partial(workbench.exclusive, progress)
    with hold():
        evaluation = begin(Path(order.folder), order.job(device), kept.folder, order.sample, part(progress, 0, 0.01))
    apart = device.type == "cpu"
    try:
        compute(evaluation, apart=apart, turn=None if apart else hold, progress=part(progress, 0.01, COMPUTED))
    except BaseException:
        with contextlib.suppress(Exception):  # what ended it is told
            write_report(evaluation, kept=0)
        raise
    with hold():
        return write_report(evaluation, progress=part(progress, COMPUTED, 1))
