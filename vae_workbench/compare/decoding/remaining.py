"""How long the rest of a comparison will take."""

from __future__ import annotations

from collections.abc import Sequence

ENOUGH = 0.2
"""Part of the first cell after which it tells the time of the others."""


class Remaining:
    """Seconds until all cells are done, from how long each VAE took for a pixel.

    Args:
        cells: of those that are to be decoded, in their order: the VAE's id and the pixels of the picture.
    """

    def __init__(self, cells: Sequence[tuple[str, int]]) -> None:
        self._left = list(cells)
        self._spent: dict[str, tuple[float, int]] = {}

    def finished(self, seconds: float) -> None:
        """The first of those that are left took so long."""
        vae, pixels = self._left.pop(0)
        before = self._spent.get(vae, (0.0, 0))
        self._spent[vae] = (before[0] + seconds, before[1] + pixels)

    def seconds(self, fraction: float, elapsed: float) -> float | None:
        """Until all is done; ``None`` where that cannot be told yet.

        Args:
            fraction: of the cell that is running now.
            elapsed: seconds since that one was begun.
        """
        if not self._left:
            return 0.0
        (vae, pixels), *others = self._left
        if not self._spent and fraction < ENOUGH:
            return None
        now = elapsed / fraction if fraction >= ENOUGH else max(elapsed, pixels * self._rate(vae, 0.0))
        usual = now / pixels
        return max(0.0, now - elapsed) + sum(pixels * self._rate(vae, usual) for vae, pixels in others)

    def _rate(self, vae: str, otherwise: float) -> float:
        """Seconds a pixel of this VAE, else of all."""
        known = [self._spent[vae]] if vae in self._spent else list(self._spent.values())
        return sum(seconds for seconds, _ in known) / sum(pixels for _, pixels in known) if known else otherwise
