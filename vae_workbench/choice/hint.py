"""A hint for those whose colours are washed out: a better VAE than the one in use lies in their library."""

from __future__ import annotations

from ..lazy_dataclass import dataclass
from ..library.collection import Collection
from ..library.entry import Entry
from .best_match import best_matches
from .decide import Choice
from .fit import STOCK, title, vae_traits
from .preferences import Preferences
from .proposals import Source


@dataclass(frozen=True)
class Hint:
    """A better VAE for a checkpoint.

    Attributes:
        vae: its file.
        text: the hint as a sentence.
    """

    vae: Entry
    text: str


def hint(checkpoint: Entry, choice: Choice, preferences: Preferences, library: Collection) -> Hint | None:
    """A better VAE of the same latent space, where a stock one is used and nobody chose it.

    "None" in the top bar counts as no choice, because that is where people leave it. Where the checkpoint has no VAE, the
    warnings of the choice say so.
    """
    unasked = choice.vae is None and choice.source in (Source.OWN, Source.SETTING)
    used = vae_traits(checkpoint)
    if not unasked or checkpoint.fingerprint in preferences.dismissed or used is None or used.known_as not in STOCK:
        return None
    for entry in best_matches(checkpoint, library):
        vae = vae_traits(entry)
        if vae and vae.latent_space == used.latent_space and vae.known_as not in STOCK and not entry.verdict.warnings:
            text = f"{title(checkpoint)} uses a stock VAE ({used.known_as}); {entry.name} may give better pictures."
            return Hint(entry, text)
    return None
