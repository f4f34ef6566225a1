"""LDM names or diffusers', with the shapes that belong to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...autoencoder.names import HEADS, Shape, canonical_shapes, diffusers_names, vae_prefixes
from ...errors import InvalidInput
from ...progress import Progress
from ..lazy_tensor import LazyTensor
from ..open_files import OpenFiles
from ..state import State

SCHEMES = ("ldm", "diffusers")

CHECKPOINT_PREFIX = "first_stage_model."
"""Under which the web UI looks for the VAE of a checkpoint."""

KEPT = ("bn.num_batches_tracked",)
"""Tensors beside the weights that diffusers wants."""


@dataclass(frozen=True)
class Rename:
    """Names of a scheme, and its shapes: attention weights are matrices in diffusers, 1×1 convolutions in LDM.

    In a checkpoint, the VAE's names alone are changed; other files keep nothing but the VAE.

    Attributes:
        scheme: one of :data:`SCHEMES`.
    """

    scheme: str

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:  # noqa: ARG002
        if self.scheme not in SCHEMES:
            raise InvalidInput(f"{self.scheme} is no scheme of names", f"Name one of {', '.join(SCHEMES)}")
        if not state.canonical:
            raise InvalidInput(f"{state.name} holds no VAE that could be renamed", "Choose a VAE")
        done = {"step": "names", "names": self.scheme}
        if not state.checkpoint:
            return replace(only_vae(state, self.scheme), done=(*state.done, done))
        if self.scheme != "ldm":
            raise InvalidInput(
                f"{state.name} is a checkpoint, in which the VAE has LDM names", "Extract the VAE, then rename it"
            )
        others = without_vae(state)
        tensors = {**others, **prefixed(vae_tensors(state, "ldm"), CHECKPOINT_PREFIX)}
        return replace(state, tensors=tensors, done=(*state.done, done), header=None)


def only_vae(state: State, scheme: str) -> State:
    """With nothing but the VAE, under the names of a scheme."""
    kept = {name: state.tensors[name] for name in KEPT if name in state.tensors}
    tensors = {**vae_tensors(state, scheme), **kept}
    left = [name for name in state.tensors if name not in {*state.canonical.values(), *kept}]
    told = [f"{len(left)} tensors that are no part of the VAE were left out, as {left[0]}."] if left else []
    notes = () if state.checkpoint else tuple(told)
    return replace(state, tensors=tensors, notes=(*state.notes, *notes), header=None)


def vae_tensors(state: State, scheme: str) -> dict[str, LazyTensor]:
    """The VAE's tensors under the names and in the shapes of a scheme, without a prefix."""
    names = canonical_to(state, scheme)
    shapes = canonical_shapes({source: state.shapes[source] for source in state.canonical.values()})
    return {
        names[canonical]: state.tensors[source].reshaped(_shape(canonical, shapes[canonical], scheme))
        for canonical, source in state.canonical.items()
    }


def canonical_to(state: State, scheme: str) -> Mapping[str, str]:
    """Canonical name → name of a scheme."""
    if scheme == "diffusers":
        return diffusers_names(state.canonical)
    halves = {name.split(".")[0] for name in state.canonical}
    if len(halves) == 1 and all(name.split(".")[1].isdigit() for name in state.canonical):
        # Half of a tiny autoencoder is published, and read by the web UI, without the name of the half.
        return {name: name.split(".", 1)[1] for name in state.canonical}
    return {name: name for name in state.canonical}


def without_vae(state: State) -> dict[str, LazyTensor]:
    """A checkpoint's tensors but for those of its VAE, in any spelling."""
    prefix = (*vae_prefixes(state.tensors)[:1], CHECKPOINT_PREFIX)[0]
    mine = set(state.canonical.values())
    return {
        name: tensor
        for name, tensor in state.tensors.items()
        if name not in mine and not (name.startswith(prefix) and name[len(prefix) :].startswith(HEADS))
    }


def prefixed(tensors: Mapping[str, LazyTensor], prefix: str) -> dict[str, LazyTensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _shape(canonical: str, shape: Shape, scheme: str) -> Shape:
    if scheme == "diffusers" and ".attn" in canonical and canonical.endswith(".weight") and shape[2:] == (1, 1):
        return shape[:2]
    return shape
