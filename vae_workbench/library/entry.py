"""One file of the library."""

from __future__ import annotations

from dataclasses import dataclass

from ..identity.verdict import Verdict
from ..identity.verdict import to_json as verdict_json


@dataclass(frozen=True)
class Entry:
    """A file and what is known of it.

    Attributes:
        name: what people see in every list: the file's own name, with as much of its folders in front as it takes to tell
            it from others.
        path: the file, absolute.
        size: in bytes.
        mtime_ns: its time of change.
        fingerprint: 16 hexadecimal digits of the content; a renamed or moved file keeps it. See :mod:`.fingerprint`.
        verdict: what it is.
        sha256: of the file in hexadecimal, if it was computed.
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    fingerprint: str
    verdict: Verdict
    sha256: str | None = None


def to_json(entry: Entry) -> dict[str, object]:
    """The file as JSON has it, for the terminal and the API: its verdict, and the name by which it is asked for."""
    return {"name": entry.name, "size": entry.size, "sha256": entry.sha256, **verdict_json(entry.verdict)}
