"""Which architecture names and shapes tell: an ordered table of conditions, and whether all tensors are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from ..autoencoder.build import build
from ..autoencoder.kl_shape import KLShape
from ..autoencoder.names import Shape
from ..autoencoder.tiny import TinyShape
from .signature import HALVES, Signature


@dataclass(frozen=True)
class Architecture:
    """A row of the table.

    Attributes:
        name: with ``{factor}`` and ``{channels}`` where they are read from the shapes.
        what: what it is, to be read after "This is".
        tell: the condition; rows above have not met theirs.
        spaces: the latent spaces that an autoencoder of this architecture may have.
        runs: whether it can be run here.
        is_vae: whether it is an autoencoder at all.
    """

    name: str
    what: str
    tell: Callable[[Signature], bool]
    spaces: tuple[str, ...] = ()
    runs: bool = False
    is_vae: bool = True


def _kl(channels: int, factor: int) -> Callable[[Signature], bool]:
    return lambda it: it.has_kl_layers and (it.channels, it.factor) == (channels, factor)


# The order matters: VQ before KL, statistics before 32 channels, time before channels, tiny ones before any "decoder.".
ARCHITECTURES: tuple[Architecture, ...] = (
    Architecture(
        "vae-approx", "a network for live previews (VAE-approx), no VAE", lambda it: it.is_preview, is_vae=False
    ),
    Architecture(
        "vq-f{factor}", "a VQ autoencoder: it has a codebook (quantize.…)", lambda it: it.any("quantize.embedding")
    ),
    Architecture(
        "consistency-decoder", "a consistency decoder: a diffusion model of its own", lambda it: it.any("decoder_unet.")
    ),
    Architecture("video-mixing", "a video decoder that mixes frames (as in SVD)", lambda it: it.any("mix_factor")),
    Architecture(
        "wan",
        "the VAE of Wan or Qwen Image",
        lambda it: it.any("decoder.middle.0.residual.0.gamma") or (it.over_time and it.any(".gamma")),
    ),
    Architecture("video", "a VAE for video: it has convolutions over time", lambda it: it.over_time),
    Architecture(
        "taef2",
        "a tiny autoencoder with pooling blocks (as TAEF2)",
        lambda it: it.is_tiny and it.any(".pool."),
        ("flux2",),
    ),
    Architecture(
        "taesd",
        "a tiny autoencoder of 4 channels (TAESD, TAESDXL)",
        lambda it: it.is_tiny and it.channels == 4,
        ("sd1", "sdxl"),
        runs=True,
    ),
    Architecture(
        "taesd-16ch",
        "a tiny autoencoder of 16 channels (TAESD3, TAEF1)",
        lambda it: it.is_tiny and it.channels == 16,
        ("sd3", "flux1"),
        runs=True,
    ),
    Architecture("taesd-{channels}ch", "a tiny autoencoder of {channels} channels", lambda it: it.is_tiny, runs=True),
    Architecture(
        "asymmetric-kl-f{factor}",
        "an asymmetric VAE, whose decoder also wants the picture",
        lambda it: it.any(".condition_encoder."),
    ),
    Architecture(
        "flux2",
        "the VAE of Flux.2: a KL autoencoder that carries statistics of its latents (bn.…)",
        lambda it: it.has_kl_layers and it.any("bn.running_mean"),
        ("flux2",),
        runs=True,
    ),
    Architecture("kl-f8", "a KL autoencoder of 4 channels (SD1, SD2, SDXL)", _kl(4, 8), ("sd1", "sdxl"), runs=True),
    Architecture(
        "kl-f8-16ch-quant",
        "a third-party KL autoencoder of 16 channels with quant convolutions",
        lambda it: _kl(16, 8)(it) and it.quantised_latents,
        runs=True,
    ),
    Architecture(
        "kl-f8-16ch", "a KL autoencoder of 16 channels (SD3, Flux.1)", _kl(16, 8), ("sd3", "flux1"), runs=True
    ),
    Architecture("sd-x4-upscaler", "the VAE of the SD ×4 upscaler (4 channels, f4)", _kl(4, 4), runs=True),
    Architecture("kl-f4", "the KL autoencoder f4 of 3 channels", _kl(3, 4), runs=True),
    Architecture("kl-f16", "the KL autoencoder f16 of 16 channels", _kl(16, 16), runs=True),
    Architecture("kl-f32", "the KL autoencoder f32 of 64 channels", _kl(64, 32), runs=True),
    Architecture(
        "kl-f{factor}-{channels}ch",
        "a KL autoencoder of {channels} channels, {factor}× smaller than the picture",
        lambda it: it.has_kl_layers,
        runs=True,
    ),
)

Answer = Literal["vae", "broken", "unclear", "none"]


@dataclass(frozen=True)
class Recognised:
    """What names and shapes tell.

    Attributes:
        answer: a VAE, a VAE with missing or wrong tensors, cannot tell, or no VAE.
        reason: why, as a sentence.
        name: of the architecture; empty if none fits.
        halves: ``encoder``, ``decoder``: those that are there.
        spaces: the latent spaces that it may have.
        runs: whether it can be run here.
    """

    answer: Answer
    reason: str
    name: str = ""
    halves: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    runs: bool = False


NOT_A_VAE = Recognised("none", "This is not a VAE: no tensor has a name that belongs to one.")


def recognise(signature: Signature) -> Recognised:
    """The architecture of the first row that fits, and whether all of its tensors are there."""
    row = next((row for row in ARCHITECTURES if row.tell(signature)), None)
    if row is None:
        return _unlisted(signature)
    sizes = {"factor": signature.factor or "?", "channels": signature.channels or "?"}
    what = "This is " + row.what.format(**sizes)
    if not row.is_vae:
        return Recognised("none", what + ".")
    halves = signature.halves
    if row.runs and len(halves) == 1:
        what += f", the {halves[0]} only"
    found = Recognised("vae", what + ".", row.name.format(**sizes), halves, row.spaces, row.runs)
    return _checked(signature, found) if row.runs else found


def _unlisted(signature: Signature) -> Recognised:
    if any(f"{half}.conv_{end}.weight" in signature.shapes for half in HALVES for end in ("in", "out")):
        return Recognised("unclear", "Cannot tell: it has an encoder or decoder, but of no architecture known here.")
    return NOT_A_VAE


MOST_STRANGERS = 0.05
FEWEST_KNOWN = 0.25
"""Shares of an architecture's tensors: with more tensors that it does not know, or fewer of its own, the file is of another
architecture rather than a broken one of this."""


def _checked(signature: Signature, found: Recognised) -> Recognised:
    """``found``, or why it is broken or not of this architecture after all."""
    measured = signature.sizes
    if isinstance(measured, str):
        return _changed(found, "broken", f"a VAE, but broken: {measured}")
    try:
        expected, shapes = _expected(measured), signature.shapes
    except RuntimeError:  # torch cannot even count the elements
        return _changed(found, "broken", "a VAE, but broken: its shapes are larger than any tensor")
    strangers = [name for name in shapes if name not in expected]
    missing = [name for name in expected if name not in shapes]
    misshaped = [name for name, shape in expected.items() if shapes.get(name, shape) != shape]
    known = len(expected) - len(missing) - len(misshaped)
    if len(strangers) > MOST_STRANGERS * len(expected) or known < FEWEST_KNOWN * len(expected):
        example = f", for example {strangers[0]}" if strangers else ""
        return _changed(
            found,
            "unclear",
            f"Cannot tell: it resembles {found.name}, but has {known} of its {len(expected)} tensors and "
            f"{len(strangers)} others{example}.",
        )
    faults = [
        f"{_tensors(names)} {fault}, for example {names[0]}"
        for names, fault in ((missing, "missing"), (misshaped, "of another shape"), (strangers, "too many"))
        if names
    ]
    return _changed(found, "broken", f"a VAE, but broken: {'; '.join(faults)}") if faults else found


def _changed(found: Recognised, answer: Answer, reason: str) -> Recognised:
    sentence = reason if reason.endswith(".") else f"This is {reason}."
    return Recognised(answer, sentence, found.name if answer == "broken" else "", found.halves, found.spaces)


def _tensors(names: list[str]) -> str:
    return "1 tensor" if len(names) == 1 else f"{len(names)} tensors"


@lru_cache(maxsize=32)
def _expected(shape: KLShape | TinyShape) -> dict[str, Shape]:
    """All tensors of a network. Building one takes 0.1 s, and hundreds of checkpoints have the same."""
    return {name: tuple(tensor.shape) for name, tensor in build(shape).state_dict().items()}
