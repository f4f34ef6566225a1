"""The one family of errors that people see: what happened, and what to do about it."""

from __future__ import annotations

import os


class WorkbenchError(Exception):
    """Something a person should read. ``str()`` gives one sentence on what happened and one on what to do.

    Attributes:
        what: what happened, without a closing full stop.
        remedy: what to do about it, or an empty string.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what.rstrip(".")
        self.remedy = remedy.rstrip(".")
        super().__init__(f"{self.what}. {self.remedy}." if self.remedy else f"{self.what}.")


class FileProblem(WorkbenchError):
    """A file cannot be used.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str | os.PathLike[str], what: str, remedy: str = "") -> None:
        self.path = os.fspath(path)
        super().__init__(what, remedy)


class UnreadableFile(FileProblem):
    """The file is missing, no regular file, or the system refuses to read it."""


class DamagedFile(FileProblem):
    """The file is of a known kind, but its content contradicts itself or is cut off."""


class UnsupportedFile(FileProblem):
    """The file may be fine, but it is not of a kind that is read here."""


class TargetExists(FileProblem):
    """A file would have been overwritten unasked."""


class UnwritableTarget(FileProblem):
    """A file could not be written; nothing was left behind."""


class UnknownArchitecture(WorkbenchError):
    """The tensors do not form an autoencoder that is known here."""


class MissingHalf(WorkbenchError):
    """An encoder was asked for in a decoder-only file, or the reverse."""


class InvalidInput(WorkbenchError):
    """A picture, latent or option does not fit what was asked."""


class NotFinite(WorkbenchError):
    """A latent or picture holds NaN or infinite values, and nothing could be done about it."""


class Cancelled(WorkbenchError):
    """The person stopped the work. Raised from a progress callback."""

    def __init__(self) -> None:
        super().__init__("The work was cancelled", "Nothing was left half-written")
