"""What a file itself tells: read once, kept, and judged again whenever more is known."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from ..autoencoder.names import PREFIXES, Shape, vae_prefixes
from ..errors import FileProblem, UnknownArchitecture, UnsupportedFile
from ..lazy_dataclass import dataclass
from ..weights.layout import Inventory
from ..weights.reader import WeightsReader, open_weights
from ..weights.shards import Shard, shard_of
from .architecture.recognise import Recognised, recognise
from .architecture.signature import Signature
from .checkpoint import Checkpoint, checkpoint_family
from .evidence import Evidence, of_config, of_file_name, of_metadata
from .hashes import sha256_of_small
from .sketch import DTYPES, Sketch, read_sketch
from .unfinished import download_warning, zeros_warning
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
        widths: of the VAE, see :attr:`.architecture.signature.Signature.widths`.
        halves: of the VAE, see :class:`.verdict.Verdict`; so are the following.
        modified_ns: the file's time of change in nanoseconds since 1970.
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
    halves: tuple[str, ...] = ()
    image_channels: tuple[int, ...] = ()
    middle_attention: bool = True
    shapes_id: str | None = None
    warnings: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    latent_channels: int | None = None
    modified_ns: int | None = None

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
        read = {"certainty": Certainty(plain["certainty"]), "evidence": evidence, "sketch": sketch}
        return cls(**{**plain, **{name: tuple(plain[name]) for name in LISTS}, **read})


LISTS = ("reasons", "spaces", "widths", "halves", "image_channels", "warnings", "code")
"""Fields of an examination that JSON has as lists."""


def examine(path: str | os.PathLike[str]) -> Examination:
    """What a file is, from its header and the few bytes of its VAE's sketch. Files that cannot be read are ``broken``."""
    where = os.fspath(path)
    try:
        with open_weights(where) as reader:
            return replace(_examined(where, reader), modified_ns=reader.modified_ns)
    except (FileProblem, UnknownArchitecture) as error:
        told, code = str(error), error.code if isinstance(error, FileProblem) else ()
        warnings = download_warning(where)
        return Examination(where, "broken", Certainty.CERTAIN, (told,), error=told, warnings=warnings, code=code)


def _examined(path: str, reader: WeightsReader) -> Examination:
    tensors = reader.inventory.tensors
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    checkpoint, prefixes = checkpoint_family(shapes), vae_prefixes(shapes)
    if checkpoint:
        inside = prefixes[:1] or PREFIXES[:2]
        shapes = {name: shape for name, shape in shapes.items() if name.startswith(inside)}
    signature, found = _recognised(tuple(shapes.items()))
    plain = Examination(
        path, "other", Certainty.CERTAIN, (found.reason,), reader.inventory.container, code=reader.inventory.code
    )
    shard = shard_of(path)
    if shard and found.answer != "vae":
        return replace(plain, reasons=(_part(shard),), dtype=_dtype(reader.inventory, tensors))
    if found.name:
        plain = replace(plain, architecture=found.name)
    if found.name and found.answer != "none":
        plain = _with_vae(plain, reader, signature, found)
    plain = replace(plain, dtype=_dtype(reader.inventory, signature.names.values() if plain.shapes_id else tensors))
    several = _several(prefixes) if found.answer in ("vae", "broken") else ()
    plain = replace(plain, reasons=(found.reason, *found.remarks, *several))
    told = _of_checkpoint(plain, checkpoint, found) if checkpoint else _of_vae(plain, found, reader.inventory)
    return replace(told, warnings=(*told.warnings, *download_warning(path)))


def _with_vae(plain: Examination, reader: WeightsReader, signature: Signature, found: Recognised) -> Examination:
    sketch = _sketch(reader, signature)
    return replace(
        plain,
        names=signature.scheme,
        spaces=found.spaces,
        sketch=sketch,
        widths=signature.widths,
        halves=found.halves,
        image_channels=found.image_channels,
        middle_attention=found.middle_attention,
        shapes_id=signature.id if signature.shapes else None,
        warnings=zeros_warning(reader, signature, sketch) if sketch else (),
        latent_channels=signature.channels or None,
    )


def _part(shard: Shard) -> str:
    return (
        f"This is part {shard.number} of {shard.total} of a model that was saved in parts: it cannot be used alone. "
        "Save the model as one file in the program it came from, or download it as one file."
    )


def _several(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    if len(prefixes) < 2:
        return ()
    first, *others = (f"under “{prefix}”" if prefix else "without a prefix" for prefix in prefixes)
    return (f"It holds {len(prefixes)} VAEs or parts of them: the one {first} counts, not that {' or '.join(others)}.",)


@lru_cache(maxsize=16)
def _recognised(shapes: tuple[tuple[str, Shape], ...]) -> tuple[Signature, Recognised]:
    """Takes 4 ms for a full-size VAE, and hundreds of checkpoints have the same names."""
    signature = Signature(dict(shapes))
    return signature, recognise(signature)


def _of_vae(plain: Examination, found: Recognised, inventory: Inventory) -> Examination:
    damage = _damage(plain.sketch)
    if found.answer == "broken" or damage:
        error = f"This is a VAE, but broken: {damage}." if damage else found.reason
        return replace(plain, kind="broken", reasons=(error, *plain.reasons[1:]), error=error)
    if found.answer == "unclear":
        return replace(plain, certainty=Certainty.UNKNOWN)
    if found.answer == "none":
        return plain
    told = (of_metadata(inventory.metadata), of_config(plain.path), of_file_name(plain.path))
    evidence = tuple(item for item in told if item is not None)
    reasons = (*plain.reasons, *_incomparable(plain))
    return replace(
        plain, kind="vae", reasons=reasons, evidence=evidence, sha256=sha256_of_small(plain.path, inventory.size)
    )


def _of_checkpoint(plain: Examination, checkpoint: Checkpoint, found: Recognised) -> Examination:
    baked, reason = _baked(found, plain.sketch)
    space = checkpoint.latent_space
    evidence = (Evidence(space, Certainty.CERTAIN, checkpoint.reason),) if space else ()
    return replace(
        plain,
        kind="checkpoint",
        reasons=(checkpoint.reason, reason, *plain.reasons[1:], *_incomparable(plain)),
        family=checkpoint.name,
        baked=baked,
        evidence=evidence,
        warnings=tuple(f"On the VAE inside: {warning}" for warning in plain.warnings),
        latent_channels=checkpoint.latent_channels,
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
    if plain.shapes_id and plain.sketch is None:
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
