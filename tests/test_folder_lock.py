"""A folder that one process at a time works on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vae_workbench.errors import InUse, UnwritableTarget
from vae_workbench.folder_lock import LOCK, FolderLock, locked

HOLD = """
import sys, time
from pathlib import Path
from vae_workbench.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder until its input ends."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_that_another_process_holds_is_refused(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(InUse, match=rf"is being worked on by another process \(pid {other.pid}\)"), locked(tmp_path):
        pass
    other.communicate("")
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_holds_nobody_back(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with locked(tmp_path):
        assert (tmp_path / LOCK).is_file()


def test_threads_share_it_and_the_last_gives_it_back(tmp_path: Path) -> None:
    taken: list[int] = []
    lock = FolderLock(tmp_path, lambda: taken.append(1))
    inside = threading.Barrier(2, timeout=10)

    def hold() -> None:
        with lock.held(), lock.held():
            inside.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    with lock.held():
        inside.wait()
        thread.join()
        with pytest.raises(InUse), locked(tmp_path):
            pass
    assert taken == [1] and list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    told = pytest.raises(UnwritableTarget, match=r"gone cannot be written: .*\. Check that the folder is there")
    with told, locked(tmp_path / "gone"):
        pass


def test_nothing_is_held_when_taking_fails(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError), FolderLock(tmp_path, fail).held():
        pass
    with locked(tmp_path):
        pass
