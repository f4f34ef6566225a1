"""One file of the library."""

from __future__ import annotations

from dataclasses import dataclass

from ..identity.verdict import Verdict
from ..identity.verdict import to_json as verdict_json
from ..printable import printable
from .walk import Stamp


@dataclass(frozen=True)
class Entry:
    """A file and what is known of it.

    Attributes:
        name: what people see in every list, and ask for it by: the file's own name, printable, with as much of its folders in
            front as it takes to tell it from others.
        path: the file, absolute, as the system has it: it need not be printable.
        size: in bytes.
        mtime_ns: its time of change.
        fingerprint: 16 hexadecimal digits of the content; a renamed or moved file keeps it. See :mod:`.fingerprint`.
        verdict: what it is.
        sha256: of the file in hexadecimal, if it was computed.
        ctime_ns: the time when its entry last changed, see :data:`.walk.Stamp`.
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    fingerprint: str
    verdict: Verdict
    sha256: str | None = None
    ctime_ns: int = 0

    @property
    def stamp(self) -> Stamp:
        """By what it is seen whether the file has changed."""
        return self.size, self.mtime_ns, self.ctime_ns


def to_json(entry: Entry) -> dict[str, object]:
    """The file as JSON has it, for the terminal and the API: its verdict, and the name by which it is asked for."""
    told = {"name": entry.name, "size": entry.size, "sha256": entry.sha256, **verdict_json(entry.verdict)}
    return {**told, "path": printable(entry.path)}
