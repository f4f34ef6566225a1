"""VAEs that were refused when they were loaded, so that all that is said of a checkpoint agrees with what is in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from ..library.walk import stamp_of


@dataclass(frozen=True)
class _Refusal:
    """Why a file was refused, and what the system said of it and of the checkpoint then."""

    why: str
    stamp: tuple[int, ...]
    checkpoint: tuple[int, ...] | None


class Refusals:
    """Which VAE was refused for which checkpoint, and why. Kept in memory, until one of the two files changes. Safe for
    threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[str, dict[str, _Refusal]] = {}

    def note(self, checkpoint_path: str, vae_path: str, stamp: tuple[int, ...] | None, why: str) -> None:
        """Remembers that a file was refused for a checkpoint.

        Args:
            checkpoint_path: absolute, as in the library.
            vae_path: of the refused file; the checkpoint's for its own VAE.
            stamp: of that file when it was refused, see :data:`..library.walk.Stamp`, or its first numbers; what it is now if
                that is not known.
            why: to be read after a colon.
        """
        stamp = stamp or stamp_of(vae_path)
        if stamp is None:
            return  # gone, which is seen anew each time
        refusal = _Refusal(why, stamp, stamp_of(checkpoint_path))
        with self._lock:
            self._refused.setdefault(checkpoint_path, {})[vae_path] = refusal

    def of(self, checkpoint_path: str) -> Mapping[str, str]:
        """Path → why it was refused for this checkpoint, as :func:`.decide.decide` takes it; without files that have changed."""
        with self._lock:
            noted = self._refused.get(checkpoint_path, {})
            now = stamp_of(checkpoint_path) if noted else None
            valid = {path: it for path, it in noted.items() if it.checkpoint == now and _is_now(path, it.stamp)}
            if noted:
                self._refused[checkpoint_path] = valid
            return {path: refusal.why for path, refusal in valid.items()}

    def forget_all(self, checkpoint_path: str) -> None:
        """Takes all refusals for a checkpoint back: it is loaded anew."""
        with self._lock:
            self._refused.pop(checkpoint_path, None)

    def all(self) -> Mapping[str, Mapping[str, str]]:
        """The same for every checkpoint of which something was refused, as :class:`.decide.VaeSettings` holds it."""
        told = {checkpoint: self.of(checkpoint) for checkpoint in list(self._refused)}
        return {checkpoint: refused for checkpoint, refused in told.items() if refused}

    def forget(self, checkpoint_path: str, vae_path: str) -> None:
        """Takes a refusal back: the file was loaded after all."""
        with self._lock:
            self._refused.get(checkpoint_path, {}).pop(vae_path, None)


def _is_now(path: str, stamp: tuple[int, ...]) -> bool:
    now = stamp_of(path)
    return now is not None and now[: len(stamp)] == stamp
