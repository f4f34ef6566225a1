"""Colours of everything that a VAE decodes, changed for good, and back."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...errors import InvalidInput
from ...progress import Progress
from ...weights.torch_file.dtypes import DTYPES
from ..adjust import ColourChange, gamma_line
from ..colour_layers import ColourLayers
from ..lazy_tensor import LazyTensor, bytes_of
from ..open_files import OpenFiles
from ..state import State

TONE = "vae_workbench.tone"
"""Metadata: the change as JSON, and the tensors as they were before, compressed."""


@dataclass(frozen=True)
class Tone:
    """Puts a change of colours into the decoder, and what takes it back into the encoder, so that img2img keeps its colours.

    A VAE that was toned before is toned anew from what it was before, by both changes together.

    Attributes:
        change: of pictures in 0..1.
        decoder_only: whether the encoder stays as it is.
        gamma: the gamma that is part of the change, of which only a straight line can be.
    """

    change: ColourChange
    decoder_only: bool = False
    gamma: float = 1.0

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:  # noqa: ARG002
        if not bool(torch.cat([self.change.matrix.flatten(), self.change.offset]).isfinite().all()):
            raise InvalidInput("These numbers make no change of colours", "Give finite numbers")
        change, decoder_only = self.change, self.decoder_only
        if TONE in state.metadata:
            before = _Toned.read(state)
            state = _undone(state, before)
            change, decoder_only = before.change.then(change), decoder_only and before.decoder_only
        layers = ColourLayers.of(state)
        names = layers.names(decoder_only or change.inverse is None)
        originals = {name: state.vae(name).load() for name in names}
        made = {
            name: _rounded(values, originals[name], state.name)
            for name, values in layers.changed(originals, change).items()
        }
        toned = _Toned(change, decoder_only, {name: originals[name] for name in made})
        done = {"step": "tone", **_numbers(change), "decoder_only": decoder_only}
        tensors = {name: LazyTensor.of(value) for name, value in made.items()}
        state = state.changed(tensors, done, *self._told(change, layers, decoder_only))
        return replace(state, metadata={**state.metadata, TONE: toned.to_json()})

    def _told(self, change: ColourChange, layers: ColourLayers, decoder_only: bool) -> list[str]:
        told = []
        if self.gamma != 1:
            told.append(
                "A gamma is a curve, and the last layer of a VAE can do straight lines only: the nearest one was taken, which is "
                f"off by up to {gamma_line(self.gamma)[2]:.2f} of the range from black to white."
            )
        if not layers.last:
            told.append("It has no decoder: the encoder alone was changed.")
        if decoder_only or not layers.first:
            return told
        if change.inverse is None:
            told.append("The change cannot be taken back, for it loses colours: the encoder stays as it is.")
        elif not layers.is_exact_at_edges(change):
            told.append(
                "The encoder takes the change back exactly but for the outermost pixels of a picture, where it sees its own "
                "border, which no layer can move."
            )
        return told


@dataclass(frozen=True)
class UndoTone:
    """Brings back the VAE as it was before it was toned: the same bytes in the same precision."""

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:  # noqa: ARG002
        if TONE not in state.metadata:
            raise InvalidInput(f"{state.name} does not say that it was toned here", "Tone it the other way instead")
        return _undone(state, _Toned.read(state))


@dataclass(frozen=True)
class _Toned:
    """What a toned file remembers.

    Attributes:
        change: of pictures in 0..1.
        decoder_only: whether the encoder stayed.
        originals: canonical name → tensor before the change.
    """

    change: ColourChange
    decoder_only: bool
    originals: dict[str, Tensor]

    @classmethod
    def read(cls, state: State) -> _Toned:
        try:
            told = json.loads(state.metadata[TONE])
            originals = {name: _unpacked(packed) for name, packed in told["originals"].items()}
            change = ColourChange(
                torch.tensor(told["matrix"], dtype=torch.float64).reshape(3, 3),
                torch.tensor(told["offset"], dtype=torch.float64).reshape(3),
            )
            return cls(change, bool(told["decoder_only"]), originals)
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, zlib.error) as error:
            raise InvalidInput(
                f"What {state.name} says of its tone is damaged", "Tone it the other way, or choose the original"
            ) from error

    def to_json(self) -> str:
        packed = {name: _packed(tensor) for name, tensor in self.originals.items()}
        return json.dumps({**_numbers(self.change), "decoder_only": self.decoder_only, "originals": packed})


def _undone(state: State, toned: _Toned) -> State:
    layers = ColourLayers.of(state)
    made = layers.changed(toned.originals, toned.change)
    if not made or any(name not in state.canonical for name in toned.originals):
        raise InvalidInput(f"{state.name} is no longer the VAE that was toned", "Choose the original")
    tensors = {name: _restored(state, name, made[name], original) for name, original in toned.originals.items()}
    changed = state.changed(tensors, {"step": "undo tone", **_numbers(toned.change)})
    return replace(changed, metadata={key: value for key, value in state.metadata.items() if key != TONE})


def _restored(state: State, name: str, toned: Tensor, original: Tensor) -> LazyTensor:
    """The tensor before the change, in the format that the file now has, and as much scaled as it now is."""
    now = state.vae(name).load()
    exact = toned.to(original.dtype)
    scale = _power_of_two(now, exact)
    expected = (exact * scale).to(now.dtype)
    tolerance = 4 * float(torch.finfo(now.dtype).eps) * float(expected.double().abs().max())
    if now.shape.numel() != expected.numel() or not torch.allclose(
        now.double().flatten(), expected.double().flatten(), rtol=0, atol=tolerance
    ):
        raise InvalidInput(f"The colours of {state.name} were changed after it was toned", "Choose the original")
    return LazyTensor.of((original * scale).to(now.dtype).reshape(now.shape))


def _power_of_two(now: Tensor, before: Tensor) -> float:
    """By what a layer was scaled since, as for fp16."""
    ratio = now.double().norm() / before.double().norm()
    return float(2.0 ** ratio.log2().round()) if bool(ratio.isfinite() and ratio > 0) else 1.0


def _rounded(values: Tensor, like: Tensor, name: str) -> Tensor:
    rounded = values.to(like.dtype)
    if not bool(rounded.double().isfinite().all()):
        raise InvalidInput(
            f"The colours of {name} would not fit into its number format", "Ask for less, or convert it to fp32"
        )
    return rounded.reshape(like.shape)


def _numbers(change: ColourChange) -> dict[str, Any]:
    return {"matrix": change.matrix.double().tolist(), "offset": change.offset.double().tolist()}


LARGEST_LAYER = 1 << 22
"""Bytes that an original may unpack to."""


def _packed(tensor: Tensor) -> dict[str, Any]:
    content = base64.b64encode(zlib.compress(bytes(bytes_of(tensor)), 9)).decode()
    return {"dtype": LazyTensor.of(tensor).dtype, "shape": list(tensor.shape), "content": content}


def _unpacked(packed: dict[str, Any]) -> Tensor:
    content = zlib.decompressobj().decompress(base64.b64decode(packed["content"]), LARGEST_LAYER)
    return (
        torch.frombuffer(bytearray(content), dtype=torch.uint8).view(DTYPES[packed["dtype"]]).reshape(packed["shape"])
    )
