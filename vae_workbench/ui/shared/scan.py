"""Looking through the folders, and what was found, in a sentence; the same on all pages of files."""

from __future__ import annotations

from collections import Counter

from ...library.collection import Collection, is_vae
from ...library.entry import Entry
from ...progress import Progress
from ..workbench import Workbench
from .messages import message

MOST_COMPLAINTS = 5
MOST_OTHERS = 5
"""Names of files that are neither VAEs nor checkpoints."""

KINDS_OF_FILES = ("VAE file", "checkpoint", "broken file", "unsafe file", "other file")
ALWAYS_COUNTED = ("VAE file", "checkpoint")
LISTED = ("VAE file", "broken file", "unsafe file")
"""What the page "Library" shows beside each other: VAEs, and what nobody should be kept from seeing."""

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
    found = Counter(map(kind_of_file, collection.entries))
    counts = [counted(found[kind], kind) for kind in KINDS_OF_FILES if found[kind] or kind in ALWAYS_COUNTED]
    told = message(
        f"{', '.join(counts)}. {report.examined} of {report.files} were new or changed ({report.seconds:.1f} s)."
    )
    others = [entry.name for entry in collection.entries if kind_of_file(entry) == "other file"]
    if others:
        more = f", and {len(others) - MOST_OTHERS} more" if len(others) > MOST_OTHERS else ""
        told += message(f"Neither VAEs for pictures nor checkpoints: {', '.join(others[:MOST_OTHERS])}{more}.")
    complaints = [message(complaint, "error") for complaint in report.complaints[:MOST_COMPLAINTS]]
    if len(report.complaints) > MOST_COMPLAINTS:
        complaints.append(message(f"And {len(report.complaints) - MOST_COMPLAINTS} more complaints.", "error"))
    return told + "".join(complaints)


def kind_of_file(entry: Entry) -> str:
    """One of :data:`KINDS_OF_FILES`: what a file is counted as."""
    verdict = entry.verdict
    if is_vae(entry):
        return "VAE file"
    if verdict.kind == "other":
        return "unsafe file" if verdict.code else "other file"
    return "checkpoint" if verdict.kind == "checkpoint" else "broken file"


def counted(count: int, what: str) -> str:
    """``1 file``, ``2 files``."""
    return f"1 {what}" if count == 1 else f"{count} {what}s"
