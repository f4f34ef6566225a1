"""The one family of errors that people see: what happened, and what to do about it."""

from __future__ import annotations

import os

from .printable import printable

LONGEST_REASON = 300
"""Characters of an unexpected exception's own text that are shown."""

PACKAGES = {"PIL": "pillow"}
"""What packages are called where they are installed, if not as they are imported."""


class WorkbenchError(Exception):
    """Something a person should read. ``str()`` gives one sentence on what happened and one on what to do.

    Names from files are part of many sentences, so that both are made :func:`.printable.printable` here.

    Attributes:
        what: what happened, without a closing full stop.
        remedy: what to do about it, or an empty string.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = printable(what.rstrip("."))
        self.remedy = printable(remedy.rstrip("."))
        super().__init__(f"{self.what}. {self.remedy}." if self.remedy else f"{self.what}.")


class FileProblem(WorkbenchError):
    """A file cannot be used.

    Attributes:
        path: the file, as the system names it.
        code: what its pickle names beyond the rebuilding of tensors, such as ``posix.system``; the sentence tells it too.
    """

    def __init__(self, path: str | os.PathLike[str], what: str, remedy: str = "", code: tuple[str, ...] = ()) -> None:
        self.path = os.fspath(path)
        self.code = code
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


class InUse(FileProblem):
    """Another process works on it."""


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


def sentence_of(error: Exception) -> str:
    """What a person reads of any exception, expected or not. Never more than a few lines, and without a traceback."""
    if isinstance(error, WorkbenchError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this. Close other programs, or try a smaller size."
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(__package__):
        package = error.name.partition(".")[0]
        return str(
            WorkbenchError(
                f"The Python package {package} is missing",
                f"Install it with: python -m pip install {PACKAGES.get(package, package)}",
            )
        )
    if isinstance(error, OSError) and error.strerror:
        places = " to ".join(
            os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)
        )
        what = f"{places} cannot be used: {error.strerror}" if places else f"The system refused: {error.strerror}"
        return str(WorkbenchError(what, "Check that it is there, that the disk has room, and that you may write to it"))
    what = f"Something went wrong that should not have ({type(error).__name__}: {str(error)[:LONGEST_REASON]})"
    return str(WorkbenchError(what, "Report this with the command and the file that you used"))
