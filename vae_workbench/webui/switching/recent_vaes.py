"""The VAEs used last, kept in memory as their files have them, so that choosing one again reads nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict

from torch import nn

from ...library.walk import stamp_of
from .swap import read_or_leave
from .vae_weights import VaeOnDisk, VaeWeights

MB = 1_000_000


class RecentVaes:
    """Weights by file; a file that was changed is read again. The one used longest ago goes first. Safe for threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, VaeWeights] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str, network: nn.Module, megabytes: float) -> VaeWeights | VaeOnDisk:
        """The VAE of a file, from memory if the file is unchanged. Those over the limit are let go of.

        One that is over the limit by itself is left in its file, unless it is small.

        Args:
            path: a VAE or a checkpoint.
            network: what it has to fit.
            megabytes: that may be kept, in all.

        Raises:
            FileProblem, UnknownArchitecture: as :func:`.swap.read_or_leave`.
        """
        with self._lock:
            kept = self._kept.get(path)
            if kept is None or kept.stamp != stamp_of(path):
                self._kept.pop(path, None)
                read = read_or_leave(path, network, megabytes * MB)
                if isinstance(read, VaeOnDisk):
                    return read
                kept = self._kept[path] = read
            self._kept.move_to_end(path)
            self._shrink(megabytes * MB)
            return kept

    def clear(self) -> None:
        """Lets go of all."""
        with self._lock:
            self._kept.clear()

    def paths(self) -> list[str]:
        """The files whose VAEs are kept, the one used longest ago first."""
        return list(self._kept)

    def _shrink(self, limit: float) -> None:
        size = sum(weights.nbytes for weights in self._kept.values())
        while self._kept and size > limit:
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.nbytes
