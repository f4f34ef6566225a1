"""What the steps of a recipe change: the tensors of a file by name, not yet read, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from ..autoencoder.names import Shape, canonical_names, canonical_tensors
from ..errors import InvalidInput
from ..identity.checkpoint import Checkpoint, checkpoint_family
from ..identity.verdict import Verdict
from .lazy_tensor import LazyTensor

Done = Mapping[str, object]
"""What a step did, as JSON: ``{"step": "tone", …}``."""


@dataclass(frozen=True)
class State:
    """Tensors and what is known of them. Steps give new ones.

    Attributes:
        name: of the file that the recipe began with.
        tensors: by their names in the file to be.
        metadata: of the file.
        verdict: what the file is that the recipe began with; ``None`` where it is too damaged to say.
        files: paths of all files that are read, none of which may be written to.
        done: by the steps so far.
        notes: sentences for the person who asked.
        findings: give more of them once all tensors were read.
        header: bytes of a header to be kept as it is; the tensors are then in its order.
        is_copy: whether nothing was to be done, so that no file is wanted.
    """

    name: str
    tensors: Mapping[str, LazyTensor]
    metadata: Mapping[str, str]
    verdict: Verdict | None
    files: tuple[str, ...]
    done: tuple[Done, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Callable[[], Iterable[str]], ...] = ()
    header: bytes | None = None
    is_copy: bool = False

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shapes by name."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    @cached_property
    def canonical(self) -> dict[str, str]:
        """Canonical name → name here, of the VAE's tensors; see :func:`..autoencoder.names.canonical_names`."""
        return canonical_names(self.tensors)

    @cached_property
    def checkpoint(self) -> Checkpoint | None:
        """What checkpoint it is; ``None`` for a VAE."""
        return checkpoint_family(self.shapes)

    @property
    def latent_space(self) -> str | None:
        """The latent space of the VAE, as far as it is known."""
        return self.verdict.latent_space if self.verdict else None

    def vae(self, canonical: str) -> LazyTensor:
        """A tensor of the VAE by its canonical name.

        Raises:
            InvalidInput: there is none.
        """
        if canonical not in self.canonical:
            raise InvalidInput(f"{self.name} has no {canonical}", "Choose a whole VAE")
        return self.tensors[self.canonical[canonical]]

    def load_vae(self) -> dict[str, Tensor]:
        """All tensors of the VAE by canonical name, in memory; what :func:`..autoencoder.build.load_autoencoder` takes."""
        return canonical_tensors({name: self.tensors[name].load() for name in self.canonical.values()})

    def changed(self, tensors: Mapping[str, LazyTensor], done: Done, *notes: str) -> State:
        """With some tensors of the VAE changed.

        Args:
            tensors: by canonical name.
            done: what the step did.
            notes: more sentences.
        """
        mine = {self.canonical[name]: tensor for name, tensor in tensors.items()}
        return replace(
            self, tensors={**self.tensors, **mine}, done=(*self.done, done), notes=(*self.notes, *notes), header=None
        )

    def noted(self, *notes: str) -> State:
        """With more sentences."""
        return replace(self, notes=(*self.notes, *notes))
