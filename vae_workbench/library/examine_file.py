"""One file examined for the library: whatever is wrong with it, there is something to say of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import FileProblem
from ..identity.examine import Examination, examine
from ..identity.verdict import Certainty
from ..printable import printable
from .fingerprint import fingerprint
from .index import Record
from .walk import Stamp

logger = logging.getLogger("vae_workbench")

LONGEST = 1000
"""Characters of a sentence, or of a tensor's name, that are kept."""

MOST_CODE = 50
"""Functions named by a pickle that are kept."""


def examine_file(path: str, stamp: Stamp, hashes: Mapping[tuple[Stamp, str], str]) -> Record:
    """What a file is. One that cannot be read has no fingerprint, and is looked at again by the next scan.

    Args:
        path: absolute.
        stamp: what the system says of it.
        hashes: the sha256 of files, by their stamp :func:`without_ctime` and their fingerprint, that may have been moved here.
    """
    try:
        content = fingerprint(path)
        told = _bounded(examine(path))
        digest = told.sha256 or hashes.get((without_ctime(stamp), content))
    except FileProblem as error:
        return Record(stamp, "", Examination(path, "broken", Certainty.CERTAIN, (str(error),), error=str(error)))
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one file, the others are told
        logger.warning("%s could not be examined", printable(path), exc_info=error)
        why = f"{printable(Path(path).name)} could not be examined ({type(error).__name__}: {printable(str(error))})."
        return Record(stamp, "", Examination(path, "broken", Certainty.UNKNOWN, (why,), error=why))
    return Record(stamp, content, replace(told, sha256=digest) if digest else told)


def _bounded(told: Examination) -> Examination:
    """The same without the megabytes that a name in a file's header may have."""

    def short(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in texts)

    halves = told.sketch.halves.values() if told.sketch else ()
    return replace(
        told,
        reasons=short(told.reasons),
        warnings=short(told.warnings),
        code=short(told.code[:MOST_CODE]),
        error=short((told.error,))[0] if told.error else None,
        sketch=None if any(len(name) > LONGEST for half in halves for name in half.layout.names) else told.sketch,
    )


def without_ctime(stamp: Stamp) -> Stamp:
    """What stays of a stamp when a file is renamed or moved."""
    size, mtime_ns, _ = stamp
    return size, mtime_ns, 0
