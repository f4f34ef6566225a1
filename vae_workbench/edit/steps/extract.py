"""The VAE of a checkpoint as a file of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...errors import InvalidInput
from ...progress import Progress
from ..open_files import OpenFiles
from ..state import State
from .rename import only_vae

KEPT = ("modelspec.license", "modelspec.author")
"""What a checkpoint's metadata tell that holds for its VAE too."""


@dataclass(frozen=True)
class Extract:
    """Nothing but the VAE, with LDM names and without a prefix; a VAE stays as it is.

    Attributes:
        expected: whether a checkpoint is expected, so that a VAE is worth a note.
    """

    expected: bool = True

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:  # noqa: ARG002
        if not state.checkpoint and state.canonical:
            return state.noted(f"{state.name} is a VAE already.") if self.expected else state
        baked = state.verdict.baked if state.verdict else None
        if not state.canonical or (baked and baked.state == "none"):
            raise InvalidInput(f"{state.name} holds no VAE", "Choose a checkpoint that holds one")
        if baked and baked.state == "partial":
            reasons = state.verdict.reasons if state.verdict else ()
            why = next((reason for reason in reasons if "not complete" in reason), "")
            raise InvalidInput(f"The VAE in {state.name} is not whole. {why}", "Choose another checkpoint")
        damaged = baked is not None and baked.state == "damaged"
        told = ("The VAE holds weights that are NaN or infinite: it will not give pictures.",) if damaged else ()
        metadata = {key: value for key, value in state.metadata.items() if key in KEPT}
        done = (*state.done, {"step": "extract", "from": state.name})
        return replace(only_vae(state, "ldm"), metadata=metadata, done=done).noted(*told)
