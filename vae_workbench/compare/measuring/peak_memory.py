"""How much memory one piece of work took at the most."""

from __future__ import annotations

import re
from pathlib import Path

import torch

PROCESS = Path("/proc/self")


class PeakMemory:
    """Measures from when it is made until it is asked.

    On CUDA it is what torch has allocated on that device. On a CPU it is the main memory of the whole process, which only Linux
    tells, and which counts what other threads take meanwhile.

    Args:
        device: where the work is done.
        held: bytes in use already that count to the work, such as weights that are kept in memory.
    """

    def __init__(self, device: torch.device, held: int = 0) -> None:
        self._device = device
        self._before: int | None = None
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._before = torch.cuda.memory_allocated(device) - held
        elif device.type == "cpu" and _reset():
            self._before = (_told("VmRSS") or 0) - held

    def bytes(self) -> int | None:
        """The most that was in use beyond what was before; ``None`` where that cannot be told."""
        if self._before is None:
            return None
        most = torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else _told("VmHWM")
        return None if most is None else max(0, most - self._before)


def _reset() -> bool:
    """Lets the kernel forget the largest resident size so far (``man 5 proc``, ``clear_refs``)."""
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _told(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB", (PROCESS / "status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
