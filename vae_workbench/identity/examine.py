"""What a file itself tells: read once, kept, and judged again whenever more is known."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from ..autoencoder.names import Shape
from ..errors import FileProblem, UnknownArchitecture, UnsupportedFile
from ..weights.layout import Inventory
from ..weights.reader import WeightsReader, open_weights
from .architecture import Recognised, recognise
from .checkpoint import VAE_PREFIXES, Checkpoint, checkpoint_family
from .evidence import Evidence, of_config, of_file_name, of_metadata
from .signature import Signature
from .sketch import DTYPES, Sketch, read_sketch
from .verdict import BakedState, Certainty, Kind


@dataclass(frozen=True)
class Examination:
    """What one file tells, without knowledge of others. All values but the sketch are plain.

    Attributes:
        path: the file, as it was given.
        kind: see :class:`.verdict.Verdict`; so are ``container``, ``names``, ``dtype`` and ``error``.
        certainty: of ``kind``.
        reasons: sentences.
        family: of a checkpoint.
        architecture: of the VAE, baked or not.
        spaces: the latent spaces that this architecture may have.
        baked: of a checkpoint.
        evidence: what metadata, neighbours and the name tell of the latent space, strongest first.
        sha256: of the file in hexadecimal, if it was computed.
        sketch: of the VAE, baked or not.
        widths: of the VAE, see :attr:`.signature.Signature.widths`.
    """

    path: str
    kind: Kind
    certainty: Certainty
    reasons: tuple[str, ...]
    container: str | None = None
    family: str | None = None
    architecture: str | None = None
    names: str | None = None
    dtype: str | None = None
    spaces: tuple[str, ...] = ()
    baked: BakedState | None = None
    evidence: tuple[Evidence, ...] = ()
    error: str | None = None
    sha256: str | None = None
    sketch: Sketch | None = None
    widths: tuple[int, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Everything but the sketch, as JSON has it."""
        return {name: value for name, value in asdict(replace(self, sketch=None)).items() if name != "sketch"}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], sketch: Sketch | None) -> Examination:
        """What :meth:`to_plain` gave, also by way of JSON, and the sketch beside it.

        Raises:
            TypeError, KeyError, ValueError: it is something else.
        """
        evidence = tuple(Evidence(**{**item, "certainty": Certainty(item["certainty"])}) for item in plain["evidence"])
        read = {
            "certainty": Certainty(plain["certainty"]),
            "reasons": tuple(plain["reasons"]),
            "spaces": tuple(plain["spaces"]),
            "widths": tuple(plain["widths"]),
            "evidence": evidence,
            "sketch": sketch,
        }
        return cls(**{**plain, **read})


def examine(path: str | os.PathLike[str]) -> Examination:
    """What a file is, from its header and the few bytes of its VAE's sketch. Files that cannot be read are ``broken``."""
    where = os.fspath(path)
    try:
        with open_weights(where) as reader:
            return _examined(where, reader)
    except (FileProblem, UnknownArchitecture) as error:
        return Examination(where, "broken", Certainty.CERTAIN, (str(error),), error=str(error))


def _examined(path: str, reader: WeightsReader) -> Examination:
    tensors = reader.inventory.tensors
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    checkpoint = checkpoint_family(shapes)
    if checkpoint:
        shapes = {name: shape for name, shape in shapes.items() if name.startswith(VAE_PREFIXES)}
    signature, found = _recognised(tuple(shapes.items()))
    plain = Examination(path, "other", Certainty.CERTAIN, (found.reason,), reader.inventory.container)
    if found.name:
        plain = replace(
            plain,
            architecture=found.name,
            names=signature.scheme,
            spaces=found.spaces,
            sketch=_sketch(reader, signature),
            widths=signature.widths,
        )
    plain = replace(plain, dtype=_dtype(reader.inventory, signature.names.values() if found.name else tensors))
    return _of_checkpoint(plain, checkpoint, found) if checkpoint else _of_vae(plain, found, reader.inventory)


@lru_cache(maxsize=16)
def _recognised(shapes: tuple[tuple[str, Shape], ...]) -> tuple[Signature, Recognised]:
    """Takes 4 ms for a full-size VAE, and hundreds of checkpoints have the same names."""
    signature = Signature(dict(shapes))
    return signature, recognise(signature)


def _of_vae(plain: Examination, found: Recognised, inventory: Inventory) -> Examination:
    damage = _damage(plain.sketch)
    if found.answer == "broken" or damage:
        error = f"This is a VAE, but broken: {damage}." if damage else found.reason
        return replace(plain, kind="broken", reasons=(error,), error=error)
    if found.answer == "unclear":
        return replace(plain, certainty=Certainty.UNKNOWN)
    if found.answer == "none":
        return plain
    told = (of_metadata(inventory.metadata), of_config(plain.path), of_file_name(plain.path))
    evidence = tuple(item for item in told if item is not None)
    return replace(plain, kind="vae", reasons=(found.reason, *_incomparable(plain)), evidence=evidence)


def _of_checkpoint(plain: Examination, checkpoint: Checkpoint, found: Recognised) -> Examination:
    baked, reason = _baked(found, plain.sketch)
    space = checkpoint.latent_space
    evidence = (Evidence(space, Certainty.CERTAIN, checkpoint.reason),) if space else ()
    return replace(
        plain,
        kind="checkpoint",
        reasons=(checkpoint.reason, reason, *_incomparable(plain)),
        family=checkpoint.name,
        baked=baked,
        evidence=evidence,
    )


def _baked(found: Recognised, sketch: Sketch | None) -> tuple[BakedState, str]:
    damage = _damage(sketch)
    if damage:
        return "damaged", f"Its VAE is damaged: {damage}."
    if found.answer == "vae" and len(found.halves) != 1:
        return "complete", f"Its VAE is complete. {found.reason}"
    if found.answer == "none":
        return "none", "It holds no VAE."
    return "partial", f"Its VAE is not complete. {found.reason}"


def _damage(sketch: Sketch | None) -> str:
    """What is wrong with the weights that were read, to be read after a colon, or nothing."""
    names = sketch.damaged if sketch else ()
    if not names:
        return ""
    count = "1 tensor" if len(names) == 1 else f"{len(names)} tensors"
    return f"{count} with weights that are NaN or infinite, for example {names[0]}"


def _incomparable(plain: Examination) -> tuple[str, ...]:
    """Why a VAE cannot be compared with others, if it cannot."""
    if plain.architecture and plain.sketch is None:
        return ("Its weights are in a number format that is not compared.",)
    if plain.sketch and plain.sketch.blank and not plain.sketch.damaged:
        return ("All weights that were read are zero, so it cannot be compared.",)
    return ()


def _sketch(reader: WeightsReader, signature: Signature) -> Sketch | None:
    try:
        return read_sketch(reader, signature.names, signature.shapes)
    except UnsupportedFile:  # this torch lacks the number format
        return None


def _dtype(inventory: Inventory, names: Iterable[str]) -> str | None:
    """The format of most of the bytes of these tensors, as people call it."""
    sizes: Counter[str] = Counter()
    for name in names:
        tensor = inventory.tensors[name]
        sizes[DTYPES.get(tensor.dtype, tensor.dtype.lower())] += tensor.nbytes
    return sizes.most_common(1)[0][0] if sizes else None
