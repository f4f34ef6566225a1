"""A folder that one process at a time works on. The system gives the lock back when a process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import InUse, UnwritableTarget

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".vaewb.lock"
"""The file in the folder, for as long as somebody works on it. It holds the number of the process."""

PATIENCE = 0.5
"""Seconds to wait for one who only writes a file."""

PAUSE = 0.02

FAR = 1 << 20
"""The byte that is locked on Windows, where what is locked cannot be read."""

TAKEN = frozenset((errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK))


class FolderLock:
    """A folder's lock that the threads of this process share. Any number of them may hold it at once, and again.

    Args:
        folder: see :func:`locked`.
        taken: called whenever the process gets it: others may have changed what is in the folder.
    """

    def __init__(self, folder: Path, taken: Callable[[], None] = lambda: None) -> None:
        self._folder, self._taken = folder, taken
        self._lock = threading.Lock()
        self._holders = 0
        self._held = contextlib.ExitStack()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """As :func:`locked`; raises the same, and what ``taken`` raises."""
        with self._lock:
            if not self._holders:
                with contextlib.ExitStack() as stack:
                    stack.enter_context(locked(self._folder))
                    self._taken()
                    self._held = stack.pop_all()
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._held.close()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder that is there. Where the file system knows no locks, everybody may work on it, as without this.

    Raises:
        InUse: another has it; the sentence tells which process.
        UnwritableTarget: the system refuses.
    """
    file = _taken(folder)
    try:
        yield
    finally:
        _give_back(file, folder / LOCK)


def _taken(folder: Path) -> int:
    """The lock's file, open."""
    path, until = folder / LOCK, time.monotonic() + PATIENCE
    while True:
        file = _open(path)
        try:
            if _is_ours(file) and _is_there(file, path):
                os.ftruncate(file, 0)
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, str(os.getpid()).encode())
                return file
        except OSError as error:
            os.close(file)
            raise _unwritable(path, error) from error
        os.lseek(file, 0, os.SEEK_SET)
        holder = os.read(file, 20).decode("ascii", "replace")
        os.close(file)
        if time.monotonic() > until:
            pid = f" (pid {holder})" if holder.isdigit() else ""
            raise InUse(
                folder, f"{folder} is being worked on by another process{pid}", "Wait for it, or choose another folder"
            )
        time.sleep(PAUSE)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise _unwritable(path, error) from error


def _is_ours(file: int) -> bool:
    """Whether nobody else has the lock; from now on, we have."""
    try:
        if sys.platform == "win32":
            os.lseek(file, FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in TAKEN  # the others tell that there are no locks here
    return True


def _is_there(file: int, path: Path) -> bool:
    """Whether the file is still the folder's: who had it before may have removed it between opening and locking."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _give_back(file: int, path: Path) -> None:
    """Removes the file while it is locked, where the system allows that; on Windows, once it is closed."""
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(file)
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            path.unlink()


def _unwritable(path: Path, error: OSError) -> UnwritableTarget:
    return UnwritableTarget(
        path.parent,
        f"{path.parent} cannot be written: {error.strerror or error}",
        "Check that the folder is there, that it may be written to and that there is space",
    )
