"""Whether a VAE can serve a checkpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..identity.evidence import SPACE_NAMES
from ..identity.verdict import Baked, Certainty
from ..library.entry import Entry

ARCHITECTURES = {
    "sd1": "kl-f8",
    "sdxl": "kl-f8",
    "sd3": "kl-f8-16ch",
    "flux1": "kl-f8-16ch",
    "flux2": "flux2",
}
"""The architecture of the VAE that diffusion models of each latent space come with: the web UI builds that network and no
other, so a tiny or asymmetric autoencoder of the same latent space has no place in it."""

STOCK = frozenset({"kl-f8 original as in SD 1.x", "stable-diffusion-v1-5 vae", "VAE inside sd_xl_base_1.0.safetensors"})
"""Names, as in the table of known VAEs, of those that models were first released with and that were improved upon since:
pale colours in SD1, artefacts in SDXL 1.0 (https://github.com/huggingface/diffusers/issues/6921)."""


@dataclass(frozen=True)
class HeldVae:
    """The VAE that a file is, or that a checkpoint holds.

    Attributes:
        architecture: as in a verdict.
        latent_space: as in a verdict.
        certainty: of ``latent_space``.
        sketch_id: as in a verdict.
        known_as: as in a verdict.
        widths: as in a verdict.
    """

    architecture: str | None
    latent_space: str | None
    certainty: Certainty
    sketch_id: str | None
    known_as: str | None
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Misfit:
    """Why a VAE does not fit a checkpoint.

    Attributes:
        why: to be read after a colon.
        certain: whether it is out of the question; otherwise it is likely or guessed, and a person may know better.
    """

    why: str
    certain: bool


def title(checkpoint: Entry) -> str:
    """What a checkpoint is called in sentences: its name without the ending."""
    return os.path.splitext(checkpoint.name)[0]  # noqa: PTH122  # the name of a list, no path


def held_vae(entry: Entry) -> HeldVae | None:
    """The complete VAE of a VAE file or a checkpoint; ``None`` if it has none."""
    verdict = entry.verdict
    if verdict.kind == "vae":
        identity = verdict.sketch_id, verdict.known_as
        return HeldVae(verdict.architecture, verdict.latent_space, verdict.certainty, *identity, verdict.widths)
    baked = verdict.baked
    if baked is None or baked.state != "complete":
        return None
    identity = baked.sketch_id, baked.known_as
    return HeldVae(baked.architecture, verdict.latent_space, verdict.certainty, *identity, baked.widths)


def defect(entry: Entry) -> str:
    """Why there is no VAE to be had from a file, to be read after a colon; empty if there is one."""
    if held_vae(entry):
        return ""
    verdict = entry.verdict
    if verdict.baked:
        states = {"none": "holds no VAE", "partial": "holds an incomplete VAE", "damaged": "holds a damaged VAE"}
        return f"{title(entry)} {states[verdict.baked.state]}"
    if verdict.kind == "broken":
        return (verdict.error or "it is broken").rstrip(".").replace("This is ", "it is ", 1)
    return "it is not a VAE" if verdict.certainty == Certainty.CERTAIN else "it cannot be told whether it is a VAE"


def misfit(checkpoint: Entry, vae: HeldVae) -> Misfit | None:
    """Why a VAE does not fit a checkpoint, ``None`` if nothing speaks against it.

    What cannot be told does not: a VAE of unknown latent space fits by its architecture.
    """
    space, baked = checkpoint.verdict.latent_space, checkpoint.verdict.baked
    architecture = ARCHITECTURES.get(space or "") or (baked and baked.architecture)
    if architecture and vae.architecture != architecture:
        return Misfit(f"its architecture is {vae.architecture}, and {title(checkpoint)} needs {architecture}", True)
    if baked and baked.widths and vae.widths and vae.widths != baked.widths:
        return Misfit(
            f"its layers have {_wide(vae)} channels, and those of {title(checkpoint)} have {_wide(baked)}", True
        )
    if space is None or vae.latent_space in (None, space):
        return None
    certain = min(vae.certainty, checkpoint.verdict.certainty) == Certainty.CERTAIN
    verb = "is" if certain else "is probably" if vae.certainty == Certainty.LIKELY else "is by its name"
    theirs, needed = SPACE_NAMES[vae.latent_space or ""], SPACE_NAMES[space]
    return Misfit(f"it {verb} for {theirs}, and {title(checkpoint)} is for {needed}", certain)


def _wide(vae: HeldVae | Baked) -> str:
    return "·".join(map(str, vae.widths))
