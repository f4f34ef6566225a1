"""Whether a VAE and the model in use share a latent space. Names and shapes cannot tell: those of SD1 and SDXL are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..identity.evidence import SPACE_NAMES
from ..identity.identify import identify
from ..identity.verdict import Certainty, Verdict
from .swap import DoesNotFit, Stamp, stamp_of

SPACES = (("is_sd3", "sd3"), ("is_sdxl", "sdxl"), ("is_sd2", "sd1"), ("is_sd1", "sd1"))
"""What the web UI writes on a model, and the latent space that such a model works in."""


def space_of(model: Any) -> str | None:
    """The latent space that a model in memory works in, ``None`` if it is none of those known."""
    return next((space for flag, space in SPACES if getattr(model, flag, False)), None)


def identified(path: str) -> Verdict:
    """What a file is. Opened once for each state that it is in."""
    return _identified(path, stamp_of(path))


@lru_cache(maxsize=256)
def _identified(path: str, _stamp: Stamp | None) -> Verdict:
    return identify(path)


def check_space(path: str, model: Any, verdict_of: Callable[[str], Verdict], *, confirmed: bool) -> None:
    """Refuses a VAE of another latent space, unless that is only likely and the person confirmed.

    Raises:
        DoesNotFit: it is refused; ``confirmable`` tells whether a confirmation would do.
    """
    verdict, wanted = verdict_of(path), space_of(model)
    found = verdict.latent_space
    if found is None or wanted is None or found == wanted or verdict.certainty < Certainty.LIKELY:
        return
    sure = verdict.certainty == Certainty.CERTAIN
    if sure or not confirmed:
        is_one = "is" if sure else "is likely"
        what = f"{Path(path).name} {is_one} a VAE of {SPACE_NAMES[found]}, and this checkpoint works with {SPACE_NAMES[wanted]}"
        remedy = "Choose another VAE" if sure else "Confirm if you want it all the same"
        raise DoesNotFit(path, what, remedy, confirmable=not sure)


def matching(model: Any, paths: Sequence[str]) -> list[str]:
    """Of these files the whole VAEs that may be of the model's latent space, the surest first."""
    wanted = space_of(model)
    verdicts = {path: identified(path) for path in paths}
    possible = [
        path
        for path, verdict in verdicts.items()
        if verdict.kind == "vae" and (verdict.latent_space in (wanted, None) or verdict.certainty < Certainty.LIKELY)
    ]
    return sorted(possible, key=lambda path: -verdicts[path].certainty * (verdicts[path].latent_space == wanted))
