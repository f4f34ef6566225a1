"""Two or three VAEs in one."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...autoencoder.names import canonical_shapes
from ...errors import InvalidInput
from ...identity.evidence import SPACE_NAMES
from ...identity.relatives.merges import block_of
from ...progress import Progress
from ...weights.dtypes import BITS, FLOATS
from ...weights.torch_file.dtypes import DTYPES
from ..lazy_tensor import LazyTensor, bytes_of
from ..open_files import OpenFiles
from ..state import State
from .extract import Extract

WEIGHTED, ADD_DIFFERENCE = "weighted", "add-difference"
METHODS = (WEIGHTED, ADD_DIFFERENCE)

HALVES = {"encoder": ("encoder.", "quant_conv"), "decoder": ("decoder.", "post_quant_conv")}
"""Blocks that belong to each half."""


@dataclass(frozen=True)
class Merge:
    """The first VAE with others: w₀·A + w₁·B (+ w₂·C), or A + α·(B − C).

    Sums are computed in fp64 and rounded once, to the widest format of the VAEs.

    Attributes:
        others: B, or B and C; of a checkpoint, the VAE inside.
        weights: of A, B (and C), which add up to 1; for two VAEs, that of B alone will do. α for the difference.
        method: one of :data:`METHODS`.
        blocks: block → weight of B there, or α there; of two VAEs or a difference only. A block is ``encoder``, ``decoder``, or
            a part of one as identity names it: ``encoder.down.0``, ``decoder.mid``, ``decoder.up.3``, ``decoder.out``,
            ``quant_conv`` …; the most precise counts.
    """

    others: tuple[str | os.PathLike[str], ...]
    weights: tuple[float, ...] = ()
    method: str = WEIGHTED
    blocks: Mapping[str, float] = field(default_factory=dict)

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:
        extract = Extract(expected=False)
        own, *others = (extract.apply(one, files, progress) for one in (state, *map(files.open, self.others)))
        if not all(map(math.isfinite, (*self.weights, *self.blocks.values()))):
            raise InvalidInput("A weight is no number", "Give finite numbers")
        weights = self._weights()
        _check_alike([own, *others])
        unknown = set(self.blocks) - _blocks(own) - HALVES.keys()
        if unknown:
            raise InvalidInput(
                f"{own.name} has no block {sorted(unknown)[0]!r}", f"Name one of {', '.join(sorted(_blocks(own)))}"
            )
        tensors = {
            name: _merged([one.vae(name) for one in (own, *others)], self._of_block(name, weights))
            for name in own.canonical
        }
        done = {
            "step": "merge",
            "method": self.method,
            "of": [one.name for one in (own, *others)],
            "sketches": [one.verdict.sketch_id if one.verdict else None for one in (own, *others)],
            "weights": list(weights),
            "blocks": dict(self.blocks),
        }
        merged = own.changed(tensors, done, *_told(own, others))
        metadata = {**own.metadata, "modelspec.merged_from": ", ".join(one.name for one in (own, *others))}
        return replace(merged, files=tuple(file for one in (own, *others) for file in one.files), metadata=metadata)

    def _weights(self) -> tuple[float, ...]:
        """The coefficients of all VAEs."""
        count = len(self.others) + 1
        if self.method not in METHODS:
            raise InvalidInput(f"{self.method} is no method", f"Name one of {', '.join(METHODS)}")
        if count not in (2, 3) or (self.method == ADD_DIFFERENCE and count != 3):
            raise InvalidInput(f"{count} VAEs cannot be merged so", "Give two or three; for a difference, three")
        if self.method == ADD_DIFFERENCE:
            if len(self.weights) > 1:
                raise InvalidInput("A difference takes one weight", "Give the share of B − C that is added to A")
            return _difference(self.weights[0] if self.weights else 1.0)
        if self.blocks and count != 2:
            raise InvalidInput("Blocks can be weighted for two VAEs or a difference", "Merge two, then the third")
        given = self.weights or ((0.5, 0.5) if count == 2 else ())
        if len(given) == 1 and count == 2:
            given = (1 - given[0], given[0])
        if not given:
            raise InvalidInput(f"No weights are given for {count} VAEs", f"Give {count} that add up to 1")
        if len(given) != count or abs(sum(given) - 1) > 1e-6:
            raise InvalidInput(
                f"{len(given)} weights that add up to {sum(given):g} are none for {count} VAEs",
                f"Give {count} that add up to 1",
            )
        return given

    def _of_block(self, name: str, weights: tuple[float, ...]) -> tuple[float, ...]:
        block = block_of(name)
        half = next((half for half, starts in HALVES.items() if block.startswith(starts)), "")
        value = self.blocks.get(block, self.blocks.get(half))
        if value is None:
            return weights
        return _difference(value) if self.method == ADD_DIFFERENCE else (1 - value, value)


def _difference(share: float) -> tuple[float, ...]:
    return 1.0, share, -share


def _blocks(state: State) -> set[str]:
    return set(map(block_of, state.canonical))


def _merged(tensors: Sequence[LazyTensor], weights: Sequence[float]) -> LazyTensor:
    used = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=True) if weight]
    widest = max((tensor.dtype for tensor in tensors), key=lambda dtype: (BITS[dtype], dtype == "F32"))
    if {"F16", "BF16"} <= {tensor.dtype for tensor in tensors}:
        widest = max(widest, "F32", key=lambda dtype: BITS[dtype])
    dtype = DTYPES[widest]

    def chunks() -> Iterator[memoryview]:
        sums = torch.empty(2, 0, dtype=torch.float64)
        rounded = torch.empty(2, 0, dtype=dtype)
        for number, pieces in enumerate(_in_step([tensor for tensor, _ in used])):
            size = len(pieces[0])
            if size > sums.shape[1]:  # memory that was used before takes a tenth of the time
                sums, rounded = sums.new_empty(2, size), rounded.new_empty(2, size)
            total, addend = sums[:, :size]
            total.zero_()
            for piece, (_, weight) in zip(pieces, used, strict=True):
                total.add_(addend.copy_(piece), alpha=weight)
            yield bytes_of(rounded[number % 2, :size].copy_(total))

    return LazyTensor(widest, tensors[0].shape, chunks)


PIECE = 1 << 17
"""Elements of all VAEs that are summed at once where their formats differ."""


def _in_step(tensors: Sequence[LazyTensor]) -> Iterator[list[Tensor]]:
    """As many elements of each at a time."""
    alike = len({BITS[tensor.dtype] for tensor in tensors}) == 1
    streams = [tensor.pieces() if alike else _elements(tensor) for tensor in tensors]
    yield from map(list, zip(*streams, strict=True))


def _elements(tensor: LazyTensor) -> Iterator[Tensor]:
    """Pieces of :data:`PIECE` elements, whatever the format."""
    held = torch.empty(0)
    for piece in tensor.pieces():
        held = torch.cat([held.to(piece.dtype), piece])
        while held.numel() >= PIECE:
            yield held[:PIECE]
            held = held[PIECE:]
    if held.numel():
        yield held


def _check_alike(states: Sequence[State]) -> None:
    first, *others = states
    shapes = canonical_shapes(first.shapes)
    if not shapes:
        raise InvalidInput(f"{first.name} holds no VAE", "Choose VAEs to merge")
    for state in states:
        if odd := next((name for name in state.canonical if state.vae(name).dtype not in FLOATS), None):
            raise InvalidInput(f"The numbers of {odd} in {state.name} are no floating-point numbers", "Choose another")
    for other in others:
        theirs = canonical_shapes(other.shapes)
        if theirs != shapes:
            odd = next(name for name in (*shapes, *theirs) if shapes.get(name) != theirs.get(name))
            raise InvalidInput(
                f"{other.name} cannot be merged with {first.name}: its network is another, as {odd} tells",
                "Choose VAEs of one kind",
            )
        ours, space = first.latent_space, other.latent_space
        if ours and space and ours != space:
            raise InvalidInput(
                f"{other.name} cannot be merged with {first.name}: one is for {SPACE_NAMES[space]}, the other for "
                f"{SPACE_NAMES[ours]}, and the sum would be for neither",
                "Choose VAEs of one latent space",
            )


def _told(own: State, others: Sequence[State]) -> tuple[str, ...]:
    notes = [note for other in others for note in other.notes]
    unknown = [one.name for one in (own, *others) if one.latent_space is None]
    if unknown:
        notes.append(f"Whether all are for one latent space cannot be told: that of {', '.join(unknown)} is not known.")
    return tuple(notes)
