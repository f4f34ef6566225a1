"""A VAE in a copy of a checkpoint, with every other byte as it was."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from ...autoencoder.build import describe
from ...autoencoder.kl_shape import KLShape
from ...autoencoder.names import canonical_shapes, vae_prefixes
from ...errors import InvalidInput, UnknownArchitecture
from ...identity.evidence import SPACE_NAMES
from ...identity.verdict import Certainty
from ...progress import Progress
from ...weights.safetensors_header import header_bytes
from ..lazy_tensor import LazyTensor
from ..open_files import OpenFiles
from ..state import State
from .change_dtype import ChangeDtype
from .rename import CHECKPOINT_PREFIX, prefixed, vae_tensors, without_vae

READ_BY_HOSTS = (CHECKPOINT_PREFIX, "vae.")
"""Prefixes under which programs look for the VAE of a checkpoint."""


@dataclass(frozen=True)
class Bake:
    """Puts the VAE into a copy of a checkpoint, in place of the one that is there, if any.

    Where names, shapes and formats of both VAEs are the same, header and order stay as they are, to the byte. Otherwise the
    VAE's tensors are put behind the others, whose bytes are the same; so are the metadata.

    Attributes:
        into: the checkpoint; it is never changed.
        dtype: format of the VAE there, a key of :data:`.change_dtype.FORMATS`; empty for the one it has.
    """

    into: str | os.PathLike[str]
    dtype: str = ""

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:
        checkpoint = files.open(self.into)
        if checkpoint.checkpoint is None:
            raise InvalidInput(f"{checkpoint.name} is no checkpoint", "Choose a checkpoint to bake the VAE into")
        if self.dtype:
            state = ChangeDtype(self.dtype).apply(state, files, progress)
        told = _check_fit(state, checkpoint)
        baked = self._baked(state, checkpoint, files)
        done = (
            *state.done,
            {"step": "bake", "vae": state.name, "into": checkpoint.name, "dtype": self.dtype or "as it is"},
        )
        return replace(
            baked,
            files=(*state.files, *checkpoint.files),
            done=done,
            notes=(*state.notes, *checkpoint.notes, *baked.notes, *told),
            findings=state.findings,
        )

    def _baked(self, state: State, checkpoint: State, files: OpenFiles) -> State:
        header = files.header(checkpoint.files[0]) if len(checkpoint.files) == 1 else None
        if header is not None and (patched := _patched(state, checkpoint)):
            return replace(checkpoint, tensors=patched, header=header, notes=())
        found = (prefix for prefix in vae_prefixes(checkpoint.tensors) if prefix in READ_BY_HOSTS)
        ours = prefixed(vae_tensors(state, "ldm"), next(found, CHECKPOINT_PREFIX))
        tensors = {**without_vae(checkpoint), **ours}
        if header is None:  # a torch file, whose order means nothing
            return replace(checkpoint, tensors=tensors, notes=())
        entries = ((name, tensor.dtype, tensor.shape) for name, tensor in tensors.items())
        header, _ = header_bytes(entries, checkpoint.metadata)
        return replace(checkpoint, tensors=tensors, header=header, notes=())


def _patched(state: State, checkpoint: State) -> dict[str, LazyTensor] | None:
    """The checkpoint's tensors in its own order, its VAE's replaced; ``None`` if they would not fill the same places."""
    theirs = checkpoint.canonical
    if theirs.keys() != state.canonical.keys():
        return None
    if not any(all(theirs[name] == prefix + name for name in theirs) for prefix in READ_BY_HOSTS):
        return None
    ours = {theirs[name]: state.vae(name).reshaped(checkpoint.vae(name).shape) for name in theirs}
    if any(tensor.dtype != checkpoint.tensors[name].dtype for name, tensor in ours.items()):
        return None
    return {name: ours.get(name, tensor) for name, tensor in checkpoint.tensors.items()}


def _check_fit(state: State, checkpoint: State) -> tuple[str, ...]:
    """Sentences on what cannot be told.

    Raises:
        InvalidInput: the VAE cannot serve the checkpoint.
    """
    refused = f"{state.name} cannot be baked into {checkpoint.name}: "
    other = "Choose another VAE or another checkpoint"
    if state.checkpoint:
        raise InvalidInput(f"{state.name} is a checkpoint, no VAE", "Extract its VAE first")
    try:
        shape = describe(state.shapes)
    except UnknownArchitecture as error:
        raise InvalidInput(f"{refused}{error.what}", other) from error
    if not (isinstance(shape, KLShape) and shape.encoder and shape.decoder):
        raise InvalidInput(f"{refused}a checkpoint holds whole KL autoencoders only", other)
    channels = checkpoint.checkpoint.latent_channels if checkpoint.checkpoint else None
    if channels and channels != shape.latent_channels:
        raise InvalidInput(
            f"{refused}its latents have {shape.latent_channels} channels, and those of the checkpoint have {channels}",
            other,
        )
    verdict = checkpoint.verdict
    complete = verdict is not None and verdict.baked is not None and verdict.baked.state in ("complete", "damaged")
    ours, theirs = canonical_shapes(state.shapes), canonical_shapes(checkpoint.shapes)
    if complete and ours != theirs:
        odd = next(name for name in (*ours, *theirs) if ours.get(name) != theirs.get(name))
        raise InvalidInput(f"{refused}its network is another, as {odd} tells", other)
    return _check_space(state, checkpoint, refused, other)


def _check_space(state: State, checkpoint: State, refused: str, other: str) -> tuple[str, ...]:
    needed, given = checkpoint.latent_space, state.latent_space
    if needed is None or given is None:
        return (f"Whether {state.name} is for the latent space of {checkpoint.name} cannot be told.",)
    if needed == given:
        return ()
    sure = state.verdict is not None and state.verdict.certainty >= Certainty.LIKELY
    if sure:
        raise InvalidInput(
            f"{refused}it is for {SPACE_NAMES[given]}, and the checkpoint for {SPACE_NAMES[needed]}", other
        )
    return (
        f"By its name, {state.name} is for {SPACE_NAMES[given]}, and {checkpoint.name} is for {SPACE_NAMES[needed]}.",
    )
