"""Whether a VAE can serve a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ..autoencoder.names import Shape, canonical_shapes
from ..errors import WorkbenchError
from ..identity.evidence import SPACE_NAMES
from ..identity.verdict import Baked, Certainty
from ..lazy_dataclass import dataclass
from ..library.entry import Entry
from ..printable import printable
from ..weights.inventory import read_inventory

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


OTHER_KL = frozenset({"flux2", "sd-x4-upscaler"})
"""Architectures of KL autoencoders whose names do not begin with ``kl-``."""

RGB = 3
"""Channels of the pictures that the web UI makes and takes."""

UNLIKE = "its weights have other names or sizes"


@dataclass(frozen=True)
class VaeTraits:
    """The VAE that a file is, or that a checkpoint holds.

    Attributes:
        architecture: as in a verdict.
        latent_space: as in a verdict.
        certainty: of ``latent_space``.
        sketch_id: as in a verdict.
        known_as: as in a verdict; so are the following.
        path: of the file.
    """

    architecture: str | None
    latent_space: str | None
    certainty: Certainty
    sketch_id: str | None
    known_as: str | None
    widths: tuple[int, ...] = ()
    halves: tuple[str, ...] = ()
    image_channels: tuple[int, ...] = ()
    middle_attention: bool = True
    shapes_id: str | None = None
    latent_channels: int | None = None
    path: str = ""
    dtype: str | None = None


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


def vae_traits(entry: Entry) -> VaeTraits | None:
    """The VAE of a VAE file, whole or half, or the complete one of a checkpoint; ``None`` if there is none."""
    verdict = entry.verdict
    held = verdict if verdict.kind == "vae" else verdict.baked
    if held is None or (isinstance(held, Baked) and held.state != "complete"):
        return None
    return VaeTraits(
        held.architecture,
        verdict.latent_space,
        verdict.certainty,
        held.sketch_id,
        held.known_as,
        held.widths,
        held.halves,
        held.image_channels,
        held.middle_attention,
        held.shapes_id,
        verdict.latent_channels if held is verdict else None,
        entry.path,
        verdict.dtype,
    )


def defect(entry: Entry) -> str:
    """Why there is no VAE to be had from a file, to be read after a colon; empty if there is one."""
    verdict = entry.verdict
    if vae_traits(entry):
        return ""
    if verdict.baked:
        states = {"none": "holds no VAE", "partial": "holds an incomplete VAE", "damaged": "holds a damaged VAE"}
        return f"{title(entry)} {states[verdict.baked.state]}"
    if verdict.kind == "broken":
        return after_colon(verdict.error or "It is broken.", entry.name, printable(Path(entry.path).name))
    if verdict.certainty != Certainty.CERTAIN:
        return "it cannot be told whether it is a VAE"
    known = next(filter(None, verdict.reasons), "")
    return after_colon(known) if known.startswith("This is ") else "it is not a VAE"


def after_colon(sentence: str, *names: str) -> str:
    """A sentence on a file, to be read after that file's name and a colon: where it begins with a name, it says ``it``."""
    subject = next((one for one in ("This", "It", *names) if sentence.startswith(f"{one} ")), None)
    return (sentence if subject is None else f"it{sentence.removeprefix(subject)}").rstrip(".")


def misfit(checkpoint: Entry, vae: VaeTraits) -> Misfit | None:
    """Why a VAE does not fit a checkpoint, ``None`` if nothing speaks against it: the one answer for lists, choices, switches
    and merges.

    Names and shapes decide, as they do when the weights are copied: they are compared with those of the checkpoint's own VAE.
    What cannot be told does not speak against it: a VAE of unknown latent space fits by its architecture, and to a checkpoint
    without a VAE one of any widths fits, because the network that is built for it is not known here.
    """
    for fault in (_latent_fault, _architecture_fault, _network_fault, _width_fault, _shape_fault):
        if why := fault(checkpoint, vae):
            return Misfit(why, True)
    return _space_misfit(checkpoint, vae)


def network_fault(vae: VaeTraits) -> str:
    """Why a VAE fits no network of the web UI at all, to be read after a colon; empty if nothing speaks against it."""
    if vae.architecture and not vae.architecture.startswith("kl-") and vae.architecture not in OTHER_KL:
        return f"its architecture is {vae.architecture}, and the networks of the web UI are KL autoencoders"
    if len(vae.halves) == 1:
        return f"it is only the {vae.halves[0]} of a VAE"
    if vae.dtype and not vae.dtype.startswith(("f", "bf")):
        return f"its weights are of the format {vae.dtype}, and not floating-point numbers"
    if any(channels != RGB for channels in vae.image_channels):
        channels = " and ".join(map(str, dict.fromkeys(vae.image_channels)))
        noun = "channel" if channels == "1" else "channels"
        return f"its pictures have {channels} {noun}, and those of the web UI have {RGB}: red, green and blue"
    if not vae.middle_attention:
        return "it has no attention in the middle of its network, and that of the web UI has"
    return ""


def differing_shapes(found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> str:
    """How the tensors of a VAE differ from those of the network that it is for, in a few words; empty if they do not.

    Args:
        found: shapes by canonical name; so is ``wanted``.
    """
    faults = (
        ("missing", [name for name in wanted if name not in found]),
        ("of another size", [name for name in wanted if found.get(name, wanted[name]) != wanted[name]]),
        ("too many", [name for name in found if name not in wanted]),
    )
    return "; ".join(
        f"{len(names)} of its weights (as {printable(names[0])}) {fault}" for fault, names in faults if names
    )


def _latent_fault(checkpoint: Entry, vae: VaeTraits) -> str:
    needed, given = checkpoint.verdict.latent_channels, vae.latent_channels
    if None in (needed, given) or needed == given:
        return ""
    return f"its latents have {given} channels, and those of {title(checkpoint)} have {needed}"


def _architecture_fault(checkpoint: Entry, vae: VaeTraits) -> str:
    baked = checkpoint.verdict.baked
    needed = ARCHITECTURES.get(checkpoint.verdict.latent_space or "") or (baked and baked.architecture)
    if not needed or vae.architecture == needed:
        return ""
    return f"its architecture is {vae.architecture}, and {title(checkpoint)} needs {needed}"


def _network_fault(_: Entry, vae: VaeTraits) -> str:
    return network_fault(vae)


def _width_fault(checkpoint: Entry, vae: VaeTraits) -> str:
    baked = checkpoint.verdict.baked
    if not (baked and baked.widths and vae.widths) or vae.widths == baked.widths:
        return ""
    return f"its layers have {_wide(vae)} channels, and those of {title(checkpoint)} have {_wide(baked)}"


def _shape_fault(checkpoint: Entry, vae: VaeTraits) -> str:
    baked = checkpoint.verdict.baked
    if baked is None or baked.state not in ("complete", "damaged") or None in (baked.shapes_id, vae.shapes_id):
        return ""
    if vae.shapes_id == baked.shapes_id:
        return ""
    told = _read_difference(vae.path, vae.shapes_id, checkpoint.path, baked.shapes_id)
    return f"compared with the VAE in {title(checkpoint)}, {told}"


@lru_cache(maxsize=256)
def _read_difference(path: str, _found: str | None, model: str, _wanted: str | None) -> str:
    """How the shapes of two files differ, from their headers. Asked only where everything else is alike."""
    try:
        found, wanted = (
            canonical_shapes({name: tensor.shape for name, tensor in read_inventory(file).tensors.items()})
            for file in (path, model)
        )
    except WorkbenchError:  # one of them is gone, say
        return UNLIKE
    return differing_shapes(found, wanted) or UNLIKE


def _space_misfit(checkpoint: Entry, vae: VaeTraits) -> Misfit | None:
    space = checkpoint.verdict.latent_space
    if space is None or vae.latent_space in (None, space):
        return None
    certain = min(vae.certainty, checkpoint.verdict.certainty) == Certainty.CERTAIN
    verb = "is" if certain else "is probably" if vae.certainty == Certainty.LIKELY else "is by its name"
    theirs, needed = SPACE_NAMES[vae.latent_space or ""], SPACE_NAMES[space]
    return Misfit(f"it {verb} for {theirs}, and {title(checkpoint)} is for {needed}", certain)


def _wide(vae: VaeTraits | Baked) -> str:
    return "·".join(map(str, vae.widths))
