"""The VAE that is tried on: weights that lie in no file, in use until another VAE or checkpoint is chosen.

One generation may have settings of its own, and a refiner is another checkpoint: for so long the trial is not used, and goes on
afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field

from modules import shared

from ...lazy_dataclass import dataclass
from .vae_weights import VaeWeights


@dataclass(frozen=True, eq=False)
class Trial:
    """What is tried on. Each is only equal to itself.

    Attributes:
        name: what was done to which file.
        checkpoint: the file of the checkpoint that it is tried on with.
        setting: what the top bar said when it began.
        weights: all of them, known to fit that checkpoint's network and to be finite.
    """

    name: str
    checkpoint: str
    setting: str
    weights: VaeWeights = field(repr=False)

    @property
    def label(self) -> str:
        """The name where names of files stand."""
        return f"{self.name} (tried on)"


_trial: Trial | None = None


def note_trial(trial: Trial | None) -> Trial | None:
    """From now on this is tried on, or nothing; gives what was before. The VAE in use changes with the next switch."""
    global _trial
    before, _trial = _trial, trial
    return before


def trial_for(checkpoint: str) -> Trial | None:
    """What is tried on with a checkpoint file, unless the settings ask for another VAE now."""
    if _trial and (_trial.checkpoint, _trial.setting) == (checkpoint, str(shared.opts.sd_vae)):
        return _trial
    return None


def end_with_another_checkpoint(checkpoint: str) -> None:
    """A person chose this checkpoint: ends what is tried on with another one."""
    if _trial and _trial.checkpoint != checkpoint:
        note_trial(None)


@contextmanager
def no_trial() -> Iterator[None]:
    """Nothing is tried on within; for one generation that asks for a VAE by its name."""
    before = note_trial(None)
    try:
        yield
    finally:
        note_trial(before)
