"""Looking through the folders, and what was found, in a sentence; the same on all pages of files."""

from __future__ import annotations

from ..library.collection import Collection
from ..progress import Progress
from .messages import message
from .workbench import Workbench

MOST_COMPLAINTS = 5

MOST_RELATED = 120
"""VAEs whose relations are searched. That takes 2 s for 100, 9 s for 200 and 80 s for 400 of them."""


def scan(workbench: Workbench, progress: Progress) -> str:
    """Scans the folders of the library; returns what was found, as HTML.

    Raises:
        Cancelled: ``progress`` raised it. What was found until then stays.
    """
    workbench.library.scan(workbench.library_folders(), progress)
    collection = workbench.library.collection()
    if can_be_related(collection):
        progress(1.0, "comparing VAEs with each other")
        _ = collection.relations  # found out here, where progress is shown, and kept
    return files_line(workbench)


def can_be_related(collection: Collection) -> bool:
    """Whether the VAEs are few enough to compare each with all others while somebody waits."""
    return len(collection.vaes) <= MOST_RELATED


def first_scan(workbench: Workbench, progress: Progress) -> str:
    """The same if no scan has ended since the start, and otherwise only what that one found."""
    return scan(workbench, progress) if workbench.library.report is None else files_line(workbench)


def files_line(workbench: Workbench) -> str:
    """What the last scan found, as HTML."""
    report = workbench.library.report
    if report is None:
        return message("The folders were not looked through yet. Press Scan.")
    collection = workbench.library.collection()
    vaes, checkpoints = len(collection.vaes), len(collection.checkpoints)
    others = len(collection.entries) - vaes - checkpoints
    counts = [counted(vaes, "VAE file"), counted(checkpoints, "checkpoint")]
    counts += [counted(others, "other file")] if others else []
    told = message(
        f"{', '.join(counts)}. {report.examined} of {report.files} were new or changed ({report.seconds:.1f} s)."
    )
    complaints = [message(complaint, "error") for complaint in report.complaints[:MOST_COMPLAINTS]]
    if len(report.complaints) > MOST_COMPLAINTS:
        complaints.append(message(f"And {len(report.complaints) - MOST_COMPLAINTS} more complaints.", "error"))
    return told + "".join(complaints)


def counted(count: int, what: str) -> str:
    """``1 file``, ``2 files``."""
    return f"1 {what}" if count == 1 else f"{count} {what}s"
