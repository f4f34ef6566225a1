"""What is wrong with a VAE or checkpoint file and can be put right; what cannot is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...autoencoder.build import describe, load_autoencoder
from ...autoencoder.kl import KLAutoencoder
from ...autoencoder.kl_shape import KLShape
from ...errors import InvalidInput, UnknownArchitecture
from ...identity.architecture.recognise import recognise
from ...identity.architecture.signature import Signature
from ...identity.colour_probe import chart
from ...progress import Progress
from ..lazy_tensor import LazyTensor, bytes_of
from ..open_files import OpenFiles
from ..state import State
from .rename import CHECKPOINT_PREFIX, Rename, canonical_to

SMALLEST_PSNR = 20.0
"""dB between a chart of colours and what a VAE makes of it there and back. Published ones have 25 and more; without the
convolutions that the latent needs, it is below 12."""

MOST_ZERO = 3
"""Layers of nothing but zeros with which a file is beyond repair: so many are no fault of training."""

REMEDY = "Download or copy it again"


@dataclass(frozen=True)
class Repair:
    """LDM names without odd prefixes, whole metadata, no gaps, and the quant convolutions where they do nothing.

    Faults of the container are put right by opening it forgivingly, see :class:`..open_files.OpenFiles`, and writing it anew.
    """

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:
        if not state.canonical:
            raise InvalidInput(f"{state.name} holds no VAE", "Choose a VAE or a checkpoint")
        _check_whole(state)
        told = list(_names_told(state))
        repaired = Rename("ldm").apply(state, files, progress)
        repaired = replace(repaired, done=state.done)
        if added := _missing_quant_convs(state, progress):
            prefix = CHECKPOINT_PREFIX if state.checkpoint else ""
            made = {prefix + name: LazyTensor.of(value) for name, value in added.items()}
            repaired = replace(repaired, tensors={**repaired.tensors, **made})
            told.append(
                "It lacks quant convolutions, and gives its pictures without them: ones that change nothing were added, for "
                "programs that want them."
            )
        faults = [*state.notes, *told]
        if not faults:
            told.append("Nothing is wrong with its names and its container: it needs no repair.")
        damage = _Damage(state.name)
        tensors = {name: damage.watched(name, tensor) for name, tensor in repaired.tensors.items()}
        done = (*state.done, {"step": "repair", "repaired": faults})
        findings = (*state.findings, damage.told)
        return replace(
            repaired, tensors=tensors, done=done, findings=findings, is_copy=not (faults or state.done)
        ).noted(*told)


def _check_whole(state: State) -> None:
    """Raises InvalidInput if weights are missing, which nothing brings back."""
    own = {name: state.shapes[name] for name in state.canonical.values()}
    found = recognise(Signature(own))
    if found.answer in ("broken", "none", "unclear"):
        raise InvalidInput(f"{state.name} cannot be repaired. {found.reason}", REMEDY)


def _names_told(state: State) -> Iterator[str]:
    wanted = canonical_to(state, "ldm")
    prefix = CHECKPOINT_PREFIX if state.checkpoint else ""
    odd = [
        (source, prefix + wanted[name]) for name, source in state.canonical.items() if source != prefix + wanted[name]
    ]
    if odd:
        source, name = odd[0]
        yield f"{len(odd)} of {len(wanted)} names are not those that the web UI reads, as {source}, which becomes {name}."
    flat = [name for name, source in state.canonical.items() if ".attn" in name and len(state.shapes[source]) in (2, 3)]
    flat = [name for name in flat if name.endswith(".weight")]
    if flat:
        yield f"{len(flat)} attention weights are matrices, and become 1×1 convolutions."


def _missing_quant_convs(state: State, progress: Progress) -> dict[str, Tensor]:
    """Convolutions that change nothing, by canonical name, for a VAE of a kind that has them in the web UI and works without.

    Raises:
        InvalidInput: they are missing, and the VAE does not work without them.
    """
    shape = describe(state.shapes) if _is_run(state) else None
    if not isinstance(shape, KLShape) or shape.latent_channels != 4:
        return {}  # those of 16 channels have none
    lacking = [
        (name, channels)
        for name, half, there, channels in (
            ("quant_conv", shape.encoder, shape.quant_conv, shape.moments),
            ("post_quant_conv", shape.decoder, shape.post_quant_conv, shape.latent_channels),
        )
        if half and not there
    ]
    if not lacking:
        return {}
    names = " and ".join(name for name, _ in lacking)
    if not (shape.encoder and shape.decoder) or not _works(state, progress):
        raise InvalidInput(
            f"{state.name} cannot be repaired: {names} is missing, and its weights cannot be known from the others",
            REMEDY,
        )
    dtype = state.vae("decoder.conv_in.weight").load().dtype
    made = {}
    for name, channels in lacking:
        made[f"{name}.weight"] = torch.eye(channels).reshape(channels, channels, 1, 1).to(dtype)
        made[f"{name}.bias"] = torch.zeros(channels, dtype=dtype)
    return made


def _is_run(state: State) -> bool:
    try:
        describe(state.shapes)
    except UnknownArchitecture:
        return False
    return True


def _works(state: State, progress: Progress) -> bool:
    """Whether a chart of colours comes back as it went in."""
    network = load_autoencoder(state.load_vae())
    assert isinstance(network, KLAutoencoder)
    picture = chart(network.downscale)
    with torch.inference_mode():
        back = network.decode(network.encode(picture, progress), progress)
    error = float((back.clamp(-1, 1) - picture).div(2).square().mean())
    return error < 10 ** (-SMALLEST_PSNR / 10)


class _Damage:
    """Weights that no repair brings back, seen while they pass through."""

    def __init__(self, name: str) -> None:
        self._file = name
        self._zero: list[str] = []

    def watched(self, name: str, tensor: LazyTensor) -> LazyTensor:
        """The same, looked at on its way. Reading it raises InvalidInput if there are weights that are no numbers."""

        def chunks() -> Iterator[memoryview]:
            nonzero = False
            for piece in tensor.pieces():
                values = piece.float()
                if not bool(values.isfinite().all()):
                    raise InvalidInput(
                        f"{self._file} cannot be repaired: {name} holds weights that are NaN or infinite",
                        REMEDY,
                    )
                nonzero = nonzero or bool(values.any())
                yield bytes_of(piece)
            if not nonzero and name.endswith(".weight"):
                self._zero.append(name)
            if len(self._zero) >= MOST_ZERO:
                raise InvalidInput(
                    f"{self._file} cannot be repaired: layers hold nothing but zeros, as {', '.join(self._zero)}",
                    REMEDY,
                )

        return replace(tensor, chunks=chunks) if "coder." in name or "quant_conv" in name else tensor

    def told(self) -> Iterator[str]:
        """A sentence on layers of zeros, once all were read."""
        for name in self._zero:
            yield f"What cannot be repaired: {name} holds nothing but zeros."
