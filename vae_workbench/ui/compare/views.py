"""What is made for a view of the comparison only when somebody asks for it: how latents look, and generation loss."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING

from ...compare.decoding.candidate import Candidate
from ...errors import InvalidInput
from ...progress import Progress
from ..workbench import Workbench

if TYPE_CHECKING:
    from ...compare.decoding.settings import Settings
    from ...compare.folder.folder import ComparisonFolder
    from ...compare.sources.sources import Source

OWN_PAIRS = "each VAE with itself"
CROSSED = "every encoder with every decoder"
PAIRINGS: dict[str, Callable[[Sequence[Candidate]], list[tuple[Candidate, Candidate]]]] = {
    OWN_PAIRS: lambda vaes: [(vae, vae) for vae in vaes],
    CROSSED: lambda vaes: list(product(vaes, vaes)),
}
MADE = ("latent", "loss")
"""Views that the page can have made."""


def make_view(
    workbench: Workbench,
    progress: Progress,
    order: str,
    known: Sequence[Candidate],
    settings: Settings,
    rounds: int,
    pairing: str,
) -> str:
    """Makes what a view of a comparison shows; returns a sentence.

    Args:
        workbench: what can be done.
        progress: told how far it is.
        order: JSON with ``view`` and the ids of ``comparison`` and ``source``.
        known: all VAE files, with what the library knows of them.
        settings: how VAEs are run.
        rounds: of encoding and decoding; where some are there already, those are completed instead.
        pairing: a key of :data:`PAIRINGS`; the same goes for it.

    Raises:
        InvalidInput: there is no such comparison or source.
        WorkbenchError: it cannot be kept.
        Cancelled: passed on from ``progress``; what was made until then is kept.
    """
    from ...compare.views.generation_loss import add_losses
    from ...compare.views.latent_view import add_latents

    view, comparison_id, folder, source = _asked(workbench, order)
    by_path = {str(candidate.path): candidate for candidate in known}
    vaes = [by_path.get(vae.path or "") or Candidate(vae.name, vae.path or "") for vae in folder.vaes.values()]
    with workbench.comparisons.turn(comparison_id, progress), workbench.exclusive(progress):
        if view == "latent":
            add_latents(folder, [source], vaes, settings, progress)
            return f"The latents of {source.record.name} are shown."
        rounds, pairing = _as_before(folder, source.record.id, rounds, pairing)
        add_losses(folder, [source], PAIRINGS[pairing](vaes), rounds, settings, progress)
    return f"{source.record.name} was encoded and decoded {rounds} times."


def _as_before(folder: ComparisonFolder, source_id: str, rounds: int, pairing: str) -> tuple[int, str]:
    """Rounds and pairs of what is there of a source already, which is only completed; else what is chosen now."""
    losses = [loss for loss in folder.losses if loss["source"] == source_id and loss["rounds"]]
    if not losses:
        return rounds, pairing
    crossed = any(loss["encoder"] != loss["decoder"] for loss in losses)
    return max(int(loss.get("wanted") or 1) for loss in losses), CROSSED if crossed else OWN_PAIRS


def _asked(workbench: Workbench, order: str) -> tuple[str, str, ComparisonFolder, Source]:
    from ...compare.sources.sources import kept_sources

    try:
        given = json.loads(order)
        view, comparison_id, source_id = str(given["view"]), str(given["comparison"]), str(given["source"])
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput("The choice did not arrive", "Load the page anew") from error
    folder = workbench.comparisons.known(comparison_id)
    source = next(iter(kept_sources(folder, [source_id])), None) if folder else None
    if view not in MADE or folder is None or source is None:
        raise InvalidInput("This source is no longer there", "Compare again")
    return view, comparison_id, folder, source
