"""One file of the library."""

from __future__ import annotations

from dataclasses import dataclass

from ..identity.verdict import Verdict


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
