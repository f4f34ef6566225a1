"""A server in a process of its own, for tests that drive it from outside."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        address: its URL without a closing slash.
        log: the file that holds what it printed.
        process: what runs.
    """

    address: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(
    command: Sequence[str],
    port: int,
    log: Path,
    *,
    cwd: Path,
    env: Mapping[str, str],
    ready: str,
    patience: float = 240,
) -> Iterator[Server]:
    """Starts the command, waits until it prints ``ready``, and ends it afterwards.

    It is not asked over the network whether it is ready: the web UI breaks when somebody calls before it is.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT)
    server = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait(server, ready, patience)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, ready: str, patience: float) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended at once:\n{server.printed}")
        if ready in server.printed:
            return
        time.sleep(0.2)
    raise AssertionError(f"the server was not ready in {patience:.0f} s:\n{server.printed}")
