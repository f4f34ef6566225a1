"""The comparison that is there when the app is opened: the demo VAEs on the built-in face, ready to be played with."""

from __future__ import annotations

from ..compare.decoding.candidate import Candidate
from ..compare.decoding.cells import built_in_source, decode_missing
from ..errors import Cancelled, WorkbenchError
from ..progress import Progress
from ..ui.compare.comparisons import FIRST
from ..ui.compare.page import set_up
from ..ui.shared.messages import message
from ..ui.shared.work_line import Outcome
from ..ui.workbench import Workbench

SIDE = 384
"""Pixels: half as much to decode as 512, so that the first start does not take a minute on two cores."""


def start_first_comparison(workbench: Workbench) -> None:
    """Begins to decode what is missing of it, in the background; nothing to do from the second start on."""
    chosen = [candidate for candidate in workbench.list_vaes() if candidate.name in workbench.selected]
    workbench.jobs.start("compare", "First comparison", lambda progress: _decode(workbench, chosen, progress))


def _decode(workbench: Workbench, chosen: list[Candidate], progress: Progress) -> Outcome:
    try:
        sources = [built_in_source("face", SIDE)]
        folder = workbench.comparisons.open(FIRST)
        set_up(folder, sources, chosen)
        decode_missing(folder, sources, exclusive=workbench.exclusive, progress=progress)
    except Cancelled:
        return Outcome(message("The comparison was cancelled. What was decoded until then is kept."))
    except WorkbenchError as error:
        return Outcome(message(str(error), "error"))
    return Outcome(
        message("This is what the demo VAEs make of a face. Choose pictures and VAEs of your own, then compare.")
    )
