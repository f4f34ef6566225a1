"""Which latent space a VAE belongs to: evidence, each with its reason, and what follows from all of it.

The VAEs of SD1 and SDXL have the same names and shapes, and so have those of SD3 and Flux.1. What tells them apart, from the
strongest: a known sha256, the weights or a half of a VAE whose space is known, the checkpoint around it (certain); metadata, a
configuration beside the file, the colour probe (likely); the file name (a guess).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..autoencoder.latent_space import LATENT_SPACES
from ..lazy_dataclass import dataclass
from ..printable import printable
from .known import space_of_file_name
from .verdict import Certainty

SPACE_NAMES = {"sd1": "SD1 and SD2", "sdxl": "SDXL", "sd3": "SD3", "flux1": "Flux.1", "flux2": "Flux.2"}
"""Latent spaces as people call them."""

MODELSPEC = (
    (re.compile(r"stable-diffusion-xl"), "sdxl"),
    (re.compile(r"stable-diffusion-v?[12]\b"), "sd1"),
    (re.compile(r"stable-diffusion-v?3"), "sd3"),
    (re.compile(r"flux[.-]?1"), "flux1"),
    (re.compile(r"flux[.-]?2"), "flux2"),
)
"""Values of ``modelspec.architecture`` (https://github.com/Stability-AI/ModelSpec), in lower case."""

FILE_NAMES = (
    (re.compile(r"sdxl|(?<![a-z])xl|xl(?![a-z])"), "sdxl"),
    (re.compile(r"flux[._ -]?2"), "flux2"),
    (re.compile(r"flux"), "flux1"),
    (re.compile(r"sd[._ -]?3|taesd3"), "sd3"),
    (re.compile(r"taef1"), "flux1"),
    (re.compile(r"sd[._ -]?v?(?:1(?:[._-]?[45])?|2(?:[._-]?[01])?)(?!\d)|kl-?f8"), "sd1"),
    (re.compile(r"ft-?(?:mse|ema)|840000|560000|orangemix|animevae|anything"), "sd1"),
)
"""What names of files often contain, in lower case."""

LARGEST_CONFIG = 1 << 16
"""Bytes; published ones have less than 1 KB."""


@dataclass(frozen=True)
class Evidence:
    """A hint at a latent space.

    Attributes:
        space: a key of :data:`..autoencoder.latent_space.LATENT_SPACES`.
        certainty: how far it can be relied on.
        reason: the hint as a sentence.
    """

    space: str
    certainty: Certainty
    reason: str


@dataclass(frozen=True)
class LatentSpaceVerdict:
    """What follows from all evidence.

    Attributes:
        space: ``None`` if it cannot be told.
        certainty: unknown if and only if ``space`` is ``None``.
        reasons: sentences, the decisive ones first.
    """

    space: str | None
    certainty: Certainty
    reasons: tuple[str, ...]


def combine_evidence(spaces: tuple[str, ...], evidence: Iterable[Evidence]) -> LatentSpaceVerdict:
    """The latent space for which there is the strongest evidence; none if equally strong evidence disagrees.

    Args:
        spaces: those that the architecture allows; what speaks for others is told, but does not count.
        evidence: strongest first. Where something is certain, weaker evidence is not told.
    """
    if not spaces:
        return LatentSpaceVerdict(
            None, Certainty.UNKNOWN, ("Cannot tell the latent space: no model known here comes with such a VAE.",)
        )
    if len(spaces) == 1:
        why = f"Of the latent spaces known here, only {SPACE_NAMES[spaces[0]]} has this architecture."
        return LatentSpaceVerdict(spaces[0], Certainty.CERTAIN, (why,))
    told = list(evidence)
    fitting = [item for item in told if item.space in spaces]
    others = tuple(
        f"{item.reason} But its shapes do not fit {SPACE_NAMES[item.space]}." for item in told if item not in fitting
    )
    if not fitting:
        choice = " or ".join(SPACE_NAMES[space] for space in spaces)
        why = f"Cannot tell whether it is for {choice}: their VAEs have the same names and shapes, and nothing else tells."
        return LatentSpaceVerdict(None, Certainty.UNKNOWN, (why, *others))
    strongest = max(item.certainty for item in fitting)
    decisive = [item for item in fitting if item.certainty == strongest]
    reasons = tuple(dict.fromkeys(item.reason for item in decisive))
    if len({item.space for item in decisive}) > 1:
        return LatentSpaceVerdict(
            None, Certainty.UNKNOWN, ("Cannot tell the latent space: the evidence disagrees.", *reasons, *others)
        )
    return LatentSpaceVerdict(decisive[0].space, strongest, reasons + others)


def of_metadata(metadata: Mapping[str, str]) -> Evidence | None:
    """Evidence in the metadata of a safetensors file."""
    value = metadata.get("modelspec.architecture", "")
    space = _first(MODELSPEC, value.lower())
    why = f"Its metadata says modelspec.architecture = {value[:80]}."
    return Evidence(space, Certainty.LIKELY, why) if space else None


def of_config(path: str) -> Evidence | None:
    """Evidence in the ``config.json`` that diffusers keeps beside a VAE; none if there is none that can be read."""
    try:
        with Path(path).with_name("config.json").open("rb") as file:
            config = json.loads(file.read(LARGEST_CONFIG))
    except (OSError, ValueError, RecursionError):
        return None
    scale = config.get("scaling_factor") if isinstance(config, dict) else None
    # Of the class names of models that have a scaling factor, all those of VAEs say so.
    if not isinstance(scale, (int, float)) or "Autoencoder" not in str(config.get("_class_name")):
        return None
    for space in LATENT_SPACES.values():
        if space.scale != 1 and abs(scale - space.scale) < 1e-4 * space.scale:
            why = f"The config.json beside it gives the scaling factor {scale}, that of {SPACE_NAMES[space.name]}."
            return Evidence(space.name, Certainty.LIKELY, why)
    return None


def of_file_name(path: str) -> Evidence | None:
    """Evidence in the name of the file, which anyone may have changed."""
    name = Path(path).name
    space = space_of_file_name(name) or _first(FILE_NAMES, name.lower())
    if space is None:
        return None
    return Evidence(
        space, Certainty.GUESS, f"The file name {printable(name)} suggests {SPACE_NAMES[space]}; this is a guess."
    )


def _first(table: Iterable[tuple[re.Pattern[str], str]], text: str) -> str | None:
    return next((space for pattern, space in table if pattern.search(text)), None)
