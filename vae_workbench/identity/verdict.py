"""What is said about a file, in plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Kind = Literal["vae", "checkpoint", "other", "broken"]
"""``broken`` is a file that cannot be read, or a VAE with missing or damaged tensors; ``other`` is anything else that holds
no VAE, and what cannot be told (its certainty is then unknown)."""

BakedState = Literal["complete", "partial", "none", "damaged"]


class Certainty(IntEnum):
    """How sure a statement is; the greater, the surer."""

    UNKNOWN = 0
    GUESS = 1
    LIKELY = 2
    CERTAIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Relative:
    """Another VAE with the same architecture, and how the two are related.

    Attributes:
        name: what the other is called; for a merge, all of its parents.
        relation: what this file is to the other:

            - ``encoder of``, ``decoder of``: it is that half of the other; ``its encoder``, ``its decoder``: the reverse;
            - ``rescaled``: other numbers inside, the same pictures; one of the two is the fp16-safe one;
            - ``colour edit``: the last layer alone differs, by a change of colours; ``last layer``: by something else;
              ``first layer``: the first alone differs;
            - ``nearly the same``: hardly apart, and yet no copy;
            - ``same encoder``, ``same decoder``: the other half differs;
            - ``similar``: less than that; ``similar encoder``, ``similar decoder``: all that the two have to compare;
            - ``merge``, ``block-weighted merge``, ``add difference`` (A + α · (B − C)); ``possible merge``: it and the others are
              such a merge, but which was made from which cannot be told;
            - ``copy``, ``fp32 copy``, ``fp16 copy``, ``bf16 copy``, ``fp8 copy``: equal up to rounding to this.
        distance: relative difference of the weights, the same from both sides: 0 for equal ones and about 1.4 for strangers; for
            a merge, its residual.
        text: the relation as a sentence.
        derived: true if this one was made from the other, false for the reverse, ``None`` if neither is known.
    """

    name: str
    relation: str
    distance: float
    text: str
    derived: bool | None = None


@dataclass(frozen=True)
class Baked:
    """The VAE inside a checkpoint.

    Attributes:
        state: ``damaged`` means that weights are NaN or infinite, as far as they were read.
        known_as: the published name, or ``None``.
        sketch_id: see :attr:`.sketch.Sketch.id`; ``None`` if there are no weights to sketch.
        architecture: as in :class:`Verdict`, or ``None``.
        widths: as in :class:`Verdict`; so are the following.
    """

    state: BakedState
    known_as: str | None = None
    sketch_id: str | None = None
    architecture: str | None = None
    widths: tuple[int, ...] = ()
    halves: tuple[str, ...] = ()
    image_channels: tuple[int, ...] = ()
    middle_attention: bool = True
    shapes_id: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What a file is, how sure that is, and why.

    Attributes:
        path: the file, as it was given.
        kind: see :data:`Kind`.
        container: ``safetensors``, ``torch-zip``, ``torch-legacy``; ``None`` if it could not be read.
        architecture: of a VAE, the name in :data:`.architecture.table.ARCHITECTURES`; of a checkpoint, its family.
        names: how the VAE's tensors are named, ``ldm``, ``diffusers`` or ``tiny``.
        dtype: ``fp32``, ``fp16``, ``bf16`` …, of most of the weights of the VAE, or of a checkpoint without one.
        latent_space: a key of :data:`..autoencoder.latent_space.LATENT_SPACES`, or ``None`` when it cannot be told.
        certainty: of ``latent_space`` in a VAE and a checkpoint, of ``kind`` otherwise.
        reasons: sentences, the decisive one first.
        sketch_id: of a VAE; that of a checkpoint's is in ``baked``.
        known_as: the published name of a VAE, or ``None``.
        copies_of: names of other files with the same VAE, in any container, naming or precision.
        relatives: other VAEs that share weights with it, nearest first.
        baked: of a checkpoint, otherwise ``None``.
        error: what is wrong with a broken file, in a sentence or two.
        widths: channels of each level of a KL autoencoder, the full resolution first; empty for others.
        halves: which of ``encoder`` and ``decoder`` a VAE has; empty where that is not known.
        image_channels: of the picture that goes into the encoder and of the one that the decoder gives, of the halves that are
            there; 3 for RGB; empty where that is not known.
        middle_attention: whether the network has the attention layers in its middle that the web UI's own has.
        shapes_id: 16 hexadecimal digits of the canonical names and shapes of a VAE's tensors: two VAEs fit the same network
            exactly if theirs are equal. ``None`` where that is not known.
        warnings: sentences on what is suspicious about a file that can be read: zeros where weights should be, a download
            that has not ended.
        latent_channels: of the latent of a VAE, or of the latents that a checkpoint's diffusion model takes; ``None`` where that
            is not known. A VAE of another number cannot serve a checkpoint.
        code: what a pickle names beyond the rebuilding of tensors, such as ``posix.system``: code that a careless program
            would run. Nothing of it is run here.
    """

    path: str
    kind: Kind
    certainty: Certainty
    reasons: tuple[str, ...]
    container: str | None = None
    architecture: str | None = None
    names: str | None = None
    dtype: str | None = None
    latent_space: str | None = None
    sketch_id: str | None = None
    known_as: str | None = None
    copies_of: tuple[str, ...] = ()
    relatives: tuple[Relative, ...] = ()
    baked: Baked | None = None
    error: str | None = None
    widths: tuple[int, ...] = ()
    halves: tuple[str, ...] = ()
    image_channels: tuple[int, ...] = ()
    middle_attention: bool = True
    shapes_id: str | None = None
    warnings: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    latent_channels: int | None = None


def to_json(verdict: Verdict) -> dict[str, object]:
    """The verdict as JSON has it, for the terminal and the API."""
    baked = verdict.baked
    return {
        "path": verdict.path,
        "kind": verdict.kind,
        "container": verdict.container,
        "architecture": verdict.architecture,
        "names": verdict.names,
        "dtype": verdict.dtype,
        "latent_space": verdict.latent_space,
        "certainty": str(verdict.certainty),
        "reasons": list(verdict.reasons),
        "sketch_id": verdict.sketch_id,
        "known_as": verdict.known_as,
        "copies_of": list(verdict.copies_of),
        "relatives": [
            {
                "name": other.name,
                "relation": other.relation,
                "distance": other.distance,
                "text": other.text,
                "derived": other.derived,
            }
            for other in verdict.relatives
        ],
        "baked": baked
        and {
            "state": baked.state,
            "known_as": baked.known_as,
            "sketch_id": baked.sketch_id,
            "architecture": baked.architecture,
            "widths": list(baked.widths),
            "halves": list(baked.halves),
            "image_channels": list(baked.image_channels),
            "middle_attention": baked.middle_attention,
            "shapes_id": baked.shapes_id,
        },
        "error": verdict.error,
        "widths": list(verdict.widths),
        "halves": list(verdict.halves),
        "image_channels": list(verdict.image_channels),
        "middle_attention": verdict.middle_attention,
        "latent_channels": verdict.latent_channels,
        "shapes_id": verdict.shapes_id,
        "warnings": list(verdict.warnings),
        "code": list(verdict.code),
    }
