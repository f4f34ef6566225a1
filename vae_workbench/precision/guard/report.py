"""What was done for one result, in plain values and in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import NotFinite
from ..structure import Half

Fault = Literal["overflow", "memory", "unable"]


@dataclass(frozen=True)
class Attempt:
    """A precision that gave no result.

    Attributes:
        precision: as people call it, such as ``fp16 rescaled`` or ``fp32 in tiles``.
        fault: ``overflow`` (NaN or infinite values), ``memory``, or ``unable`` (it could not even be tried).
        stage: the part of the network where it happened, or why it could not be tried; ``""`` if that is not known.
    """

    precision: str
    fault: Fault
    stage: str = ""

    def __str__(self) -> str:
        told = {"overflow": "gave NaN or infinite values", "memory": "ran out of memory", "unable": "was not possible"}
        return f"{self.precision} {told[self.fault]}" + (f" ({self.stage})" if self.stage else "")


def in_words(attempts: Sequence[Attempt]) -> str:
    """What was tried, each once: a network in fp32 and the same in its file's own fp32 fail alike, and the second tells more."""
    return "; ".join(map(str, {(attempt.precision, attempt.fault): attempt for attempt in attempts}.values()))


@dataclass(frozen=True)
class Report:
    """How one result came about.

    Attributes:
        half: ``decoder`` or ``encoder``.
        vae: what the VAE is called.
        precision: what gave the result.
        attempts: what failed before, in order; empty if nothing did.
        stage: where fp16 overflowed, if that was measured.
        maximum: the largest absolute value there.
        from_now_on: what this VAE will run in, if that changed.
    """

    half: Half
    vae: str
    precision: str
    attempts: tuple[Attempt, ...] = ()
    stage: str = ""
    maximum: float = 0.0
    from_now_on: str | None = None

    @property
    def repaired(self) -> bool:
        return bool(self.attempts)

    @property
    def sentence(self) -> str:
        """One line for the log and below the picture."""
        if not self.attempts:
            return f"The VAE ran in {self.precision}."
        made = "picture" if self.half == "decoder" else "latent"
        what = in_words(self.attempts)
        where = f" at {self.stage}, which reached {self.maximum:.3g}" if self.stage else ""
        now = f", and this VAE now runs in {self.from_now_on}" if self.from_now_on else ""
        return f"The VAE's {self.half} failed: {what}{where}. The {made} was repaired in {self.precision}{now}."


def upstream(half: Half) -> NotFinite:
    """The error for input that is not finite already."""
    if half == "decoder":
        return NotFinite(
            "The latent holds NaN or infinite values already: the sampler produced it, not the VAE",
            'Try "Upcast cross attention layer to float32" in the settings, --no-half, or another sampler or model',
        )
    return NotFinite("The picture holds NaN or infinite values already, before the VAE", "Choose another picture")


def gave_up(half: Half, vae: str, attempts: Sequence[Attempt], damaged: Sequence[str]) -> NotFinite:
    """The error when nothing helped.

    Args:
        half: which half failed.
        vae: what the VAE is called.
        attempts: all that was tried.
        damaged: names of its tensors that hold NaN or infinite weights.
    """
    did = "decode this latent" if half == "decoder" else "encode this picture"
    tried = in_words(attempts)
    if damaged:
        more = f" and {len(damaged) - 1} more tensors" if len(damaged) > 1 else ""
        what = f"The VAE {vae} cannot {did}: its file is damaged, {damaged[0]}{more} hold NaN or infinite weights ({tried})"
        return NotFinite(what, "Choose another VAE, or another copy of this one")
    remedy = "Choose another VAE"
    if any(attempt.fault == "memory" for attempt in attempts):
        remedy = "Make a smaller picture, or free memory"
    return NotFinite(f"The VAE {vae} cannot {did}: {tried}", remedy)
