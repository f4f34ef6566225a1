"""Which latent space each VAE of a comparison works in, from what its file is and never from what it is called alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...autoencoder.autoencoder import Autoencoder
from ...autoencoder.latent_space import LATENT_SPACES, LatentSpace
from ...errors import WorkbenchError
from ...identity.colour_probe import Probe, probe
from ...identity.evidence import SPACE_NAMES
from ...identity.examine import examine
from ...identity.judge import judge, taught
from ...identity.relatives.references import References
from ...identity.verdict import Certainty, Verdict
from .candidate import Candidate

logger = logging.getLogger("vae_workbench")

PROBED_CHANNELS = 4
"""The colour probe tells latent spaces of 4 channels apart."""


@dataclass(frozen=True)
class KnownSpace:
    """A latent space, and how it is known.

    Attributes:
        space: the latent space, or ``None`` if nothing tells it.
        certainty: of it.
        reason: a sentence.
    """

    space: LatentSpace | None = None
    certainty: Certainty = Certainty.UNKNOWN
    reason: str = ""

    @property
    def title(self) -> str:
        """The latent space as people call it."""
        return SPACE_NAMES[self.space.name] if self.space else "an unknown latent space"


def identified(candidates: Iterable[Candidate]) -> dict[str, Verdict]:
    """What each file is, by its path, in the light of the others. Files that cannot be looked at are left out."""
    chosen = {os.fspath(candidate.path): candidate.verdict for candidate in candidates}
    found = []
    for path in [path for path, verdict in chosen.items() if verdict is None]:
        try:
            found.append(examine(path))
        except Exception:  # noqa: BLE001  # one file that fails fails alone, and says so when it is opened
            logger.debug("%r cannot be identified", path, exc_info=True)
    known = References(filter(None, map(taught, found)))
    told = {path: verdict for path, verdict in chosen.items() if verdict is not None}
    return told | {one.path: judge(one, known) for one in found}


def space_of(verdict: Verdict | None, network: Autoencoder) -> KnownSpace:
    """The latent space of a VAE: as it was identified, or as the colours tell that its encoder sees, or a guess.

    Args:
        verdict: what is known of its file.
        network: the VAE; its encoder sees a chart of 128×128 pixels if the verdict is not at least likely.
    """
    told = told_space(verdict)
    if told.certainty >= Certainty.LIKELY:
        return told
    return _probed(network) or told


def told_space(verdict: Verdict | None) -> KnownSpace:
    """The latent space of a VAE as it was identified."""
    if verdict is None or verdict.latent_space not in LATENT_SPACES:
        return KnownSpace()
    reason = verdict.reasons[0] if verdict.reasons else ""
    return KnownSpace(LATENT_SPACES[verdict.latent_space], verdict.certainty, reason)


def encoder_for(candidate: Candidate, others: Iterable[Candidate], verdicts: Mapping[str, Verdict]) -> Candidate | None:
    """Of the others, one that encodes for a VAE which has a decoder alone: of the same latent space for all that is known, and
    of the same architecture where there is such a one. ``None``: there is none, or it needs none.
    """

    def halves(verdict: Verdict) -> tuple[str, ...]:
        return (verdict.baked or verdict).halves

    own = verdicts.get(os.fspath(candidate.path))
    if own is None or halves(own) != ("decoder",) or told_space(own).certainty < Certainty.LIKELY:
        return None
    known = [(other, verdicts[os.fspath(other.path)]) for other in others if os.fspath(other.path) in verdicts]
    fitting = [
        (other, verdict)
        for other, verdict in known
        if "encoder" in halves(verdict)
        and verdict.error is None
        and verdict.latent_space == own.latent_space
        and told_space(verdict).certainty >= Certainty.LIKELY
    ]
    fitting.sort(key=lambda pair: pair[1].architecture != own.architecture)
    return fitting[0][0] if fitting else None


def _probed(network: Autoencoder) -> KnownSpace | None:
    if not network.has_encoder or network.latent_channels != PROBED_CHANNELS:
        return None
    try:
        evidence = Probe(probe(network), 0.0).evidence
    except WorkbenchError:
        return None
    if evidence is None:
        return None
    reason = f"The colours that its encoder sees are those of {SPACE_NAMES[evidence.space]}."
    return KnownSpace(LATENT_SPACES[evidence.space], evidence.certainty, reason)


def mismatch(latent: KnownSpace, vae: KnownSpace) -> tuple[str, ...]:
    """A note where a VAE decodes a latent of another space than its own, as far as both are known."""
    known = min(latent.certainty, vae.certainty)
    if known < Certainty.LIKELY or latent.space == vae.space:
        return ()
    likely = "" if known is Certainty.CERTAIN else "likely "
    return (
        f"This VAE is {likely}of {vae.title}, and the latent is of {latent.title}: the picture does not show what the VAE "
        f"can do. Choose an encoder of {vae.title}, or let each VAE use its own.",
    )
