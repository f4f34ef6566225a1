"""A file opened for reading, with checks: the only place of this room where bytes come from."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
from pathlib import Path
from types import TracebackType

from ..errors import DamagedFile, UnreadableFile, UnsupportedFile

LARGEST_READ = 1 << 30
"""Bytes asked of the system at once; Linux and Windows refuse or shorten reads of 2 GiB and more."""


CANNOT_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.ETXTBSY)
"""What systems say that do not copy between these two files, though both can be read and written."""


class Source:
    """A regular file and its size, read by position. May be used from several threads at once.

    Reads copy into memory of our own. A memory mapping would save that copy, but when someone cuts a mapped file
    short, the next touch kills the whole process (SIGBUS), and Windows refuses to replace or delete a mapped file.

    Raises:
        UnreadableFile: the path is missing, is no regular file, or the system refuses to open it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.name = Path(self.path).name
        try:
            # Asked before opening: opening a FIFO would wait for its writer, and some devices act on being opened.
            self._refuse_irregular(Path(self.path).stat().st_mode)
            self._file = _open(self.path)
        except FileNotFoundError as error:
            raise UnreadableFile(self.path, f"{self.name} does not exist", "Check the path and refresh") from error
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        self._lock = threading.Lock()
        self._status = os.fstat(self._file.fileno())

    @property
    def size(self) -> int:
        """Bytes of the file when it was opened."""
        return self._status.st_size

    @property
    def mtime_ns(self) -> int:
        """Time of the last change when the file was opened, in nanoseconds since 1970."""
        return self._status.st_mtime_ns

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``. The caller has compared both with :attr:`size`.

        Raises:
            UnreadableFile: the system refuses, or the file became shorter since it was opened.
        """
        buffer = bytearray(length)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fills ``buffer`` (bytes, writable) from ``offset``; errors as in :meth:`read`."""
        done = 0
        with self._lock:
            while done < len(buffer):
                count = self._read_some(offset + done, buffer[done : done + LARGEST_READ])
                if not count:
                    raise self._changed()
                done += count

    def copy_to(self, file: io.FileIO, offset: int, length: int) -> int:
        """Appends bytes from ``offset`` on to a file, within the system, and tells how many; 0 where the system cannot.

        Raises:
            UnreadableFile: the file became shorter since it was opened.
            OSError: the disk is full, or otherwise refuses.
        """
        if not hasattr(os, "copy_file_range"):
            return 0
        try:
            count = os.copy_file_range(self._file.fileno(), file.fileno(), min(length, LARGEST_READ), offset)
        except OSError as error:
            if error.errno in CANNOT_COPY:
                return 0
            raise
        if not count and os.fstat(self._file.fileno()).st_size < offset + length:
            raise self._changed()
        return count

    def check_unchanged(self) -> None:
        """Raises UnreadableFile if the file was written to since it was opened."""
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise self._changed()

    def damaged(self, fault: str) -> DamagedFile:
        """The error for content that contradicts itself; ``fault`` follows the file's name."""
        return DamagedFile(self.path, f"{self.name} is damaged: {fault}", "Download or copy the file again")

    def unsupported(self, fault: str, remedy: str) -> UnsupportedFile:
        """The error for content that is not read here; ``fault`` follows the file's name."""
        return UnsupportedFile(self.path, f"{self.name} {fault}", remedy)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_some(self, offset: int, buffer: memoryview) -> int:
        try:
            self._file.seek(offset)
            return self._file.readinto(buffer) or 0
        except OSError as error:
            raise self._unreadable(error) from error

    def _refuse_irregular(self, mode: int) -> None:
        if stat.S_ISDIR(mode):
            raise UnreadableFile(self.path, f"{self.name} is a folder, not a file", "Choose a file inside it")
        if not stat.S_ISREG(mode):
            raise UnreadableFile(self.path, f"{self.name} is a pipe, socket or device, not a file", "Choose a file")

    def _unreadable(self, error: OSError | ValueError) -> UnreadableFile:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return UnreadableFile(
            self.path, f"{self.name} cannot be read: {reason}", "Check its permissions and the disk it is on"
        )

    def _changed(self) -> UnreadableFile:
        return UnreadableFile(
            self.path, f"{self.name} changed while it was read", "Wait until it is completely written, then try again"
        )


def _open(path: str) -> io.FileIO:
    """The file without buffering: exactly the bytes asked for are read. ``O_NONBLOCK`` if it just became a FIFO."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    return io.FileIO(path, opener=lambda name, _: os.open(name, flags))
