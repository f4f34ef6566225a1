"""Latents that people have in files: ComfyUI's ``.latent``, and tensors of torch, safetensors and NumPy. Nothing is unpickled."""

from __future__ import annotations

import ast
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ...autoencoder.latent_space import LATENT_SPACES, LatentSpace
from ...errors import InvalidInput
from ...printable import printable
from ...weights.dtypes import FLOATS
from ...weights.layout import TensorInfo, checked_shape
from ...weights.reader import WeightsReader, open_weights
from ...weights.source import Source

LATENT_FILES = frozenset((".latent", ".safetensors", ".pt", ".pth", ".ckpt", ".npy"))
"""Endings of the files that can hold latents; what they do hold tells their content alone."""

COMFY = "latent_tensor"
COMFY_MARKER = "latent_format_version_0"
"""ComfyUI's names. Without the marker, which came with SDXL, the latent is one of SD1 in the units of the diffusion model, and
``LoadLatent`` multiplies it by 1/0.18215 (https://github.com/comfyanonymous/ComfyUI/blob/master/nodes.py)."""

NAMES = (COMFY, "samples", "latents", "latent")
"""Names under which programs keep latents, the plainest first."""

MOST_ELEMENTS = 1 << 27
"""512 MiB in float32: more than 100 latents of 1024² in 16 channels."""

MOST_LATENTS, MOST_CHANNELS, LONGEST_SIDE = 256, 128, 2048
"""Bounds of one file; 2048 places are 16384 pixels."""

PACKED = 64
"""Last size of Flux latents as diffusers packs them, places × (16 channels · 2 · 2)."""

NUMPY = b"\x93NUMPY"
FLOAT_OF_NUMPY = re.compile("[<>|=]?f[248]")
LONGEST_HEADER = 4096

LATENT_CHANNELS = frozenset(space.channels for space in LATENT_SPACES.values())

SCALED_BELOW, RAW_ABOVE = {4: 2.0, 16: 0.0}, {4: 2.7, 16: 2.6}
"""Channels → standard deviation of all values below or above which the units are sure. Measured with TAESD's encoders on
photos, drawings and plain colours: SD1 and SDXL scaled 0.5 to 1.7, raw 2.9 to 13; SD3 and Flux scaled 0.7 to 2.2, raw 0.6 to
1.2 and 1.9 to 6. SD1's and SDXL's raw values overlap and tell nothing of the space."""


@dataclass(frozen=True)
class LatentFile:
    """The latents of a file.

    Attributes:
        values: each 1×C×h×w float32, all of one size.
        are_scaled: the units, see :class:`...autoencoder.autoencoder.Autoencoder`; ``None`` where nothing tells them.
        space: the latent space where it is certain. The channels alone leave it open: 4 are SD1 or SDXL, 16 SD3 or Flux.
        notes: what a person should know of them, sentences.
    """

    values: tuple[torch.Tensor, ...]
    are_scaled: bool | None = None
    space: LatentSpace | None = None
    notes: tuple[str, ...] = ()

    @property
    def taken_as_scaled(self) -> bool:
        """The units; unknown ones are taken as those of the diffusion model, in which diffusers gives latents."""
        return self.are_scaled is not False


class _Found(NamedTuple):
    """A tensor as the file has it, in float32, and what the file tells of it."""

    values: torch.Tensor
    are_scaled: bool | None = None
    space: LatentSpace | None = None
    notes: tuple[str, ...] = ()


def load_latents(path: str | os.PathLike[str]) -> LatentFile:
    """Reads C×h×w or B×C×h×w in any floating-point format, alone in the file or under one of :data:`NAMES`.

    Raises:
        FileProblem: the file cannot be read.
        InvalidInput: it holds no latent, one of a film, or more than :data:`MOST_ELEMENTS`.
    """
    with Source(path) as source:
        found = _numpy(source) if source.read(0, min(len(NUMPY), source.size)) == NUMPY else None
    if found is None:
        with open_weights(path) as reader:
            found = _named(reader, printable(Path(path).name))
    values = found.values.reshape(-1, *found.values.shape[-3:])
    are_scaled, notes = found.are_scaled, found.notes
    if are_scaled is None:
        are_scaled, note = _units(values)
        notes = (*notes, note)
    return LatentFile(torch.split(values, 1), are_scaled, found.space, (*notes, *_not_finite(values)))


def _named(reader: WeightsReader, file: str) -> _Found:
    """The latent of a file of named tensors."""
    tensors = reader.inventory.tensors
    name = _name(tensors, file)
    info = tensors[name]
    if info.dtype not in FLOATS:
        raise _no_latent(file, f"keeps whole numbers ({info.dtype})")
    _check_shape(info.shape, file)
    if info.nbytes > 8 * MOST_ELEMENTS:  # a view with gaps
        raise _too_large(file)
    values = reader.load(name).to(torch.float32, copy=True)
    notes: tuple[str, ...] = ()
    if reader.inventory.code:
        notes = (
            f"The file names code beside its tensors ({', '.join(reader.inventory.code)}). Nothing of it was run.",
        )
    if name != COMFY:
        told = reader.inventory.metadata  # as .sources.save_latents writes it
        are_scaled = {"True": True, "False": False}.get(told.get("are_scaled", ""))
        return _Found(values, are_scaled, LATENT_SPACES.get(told.get("latent_space", "")), notes)
    if COMFY_MARKER in tensors:
        return _Found(values, False, None, notes)
    space = LATENT_SPACES["sd1"]
    note = "ComfyUI wrote this file before SDXL: its latent is taken as one of SD1 in the units of the diffusion model."
    return _Found(space.to_raw(values), False, space if values.shape[-3] == space.channels else None, (*notes, note))


def _name(tensors: Mapping[str, TensorInfo], file: str) -> str:
    """Which of the tensors is the latent."""
    by_last = {name.rpartition(".")[2]: name for name in tensors}
    for name in NAMES:
        if name in by_last:
            return by_last[name]
    if len(tensors) == 1:
        return next(iter(tensors))
    if tensors and tensors.keys() == {str(place) for place in range(len(tensors))}:
        raise _no_latent(file, f"holds a list of {len(tensors)} tensors")
    raise _no_latent(file, f"holds {len(tensors)} tensors" if tensors else "holds no tensor")


def _numpy(source: Source) -> _Found:
    """A ``.npy`` file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).

    Its header is read here: NumPy takes memory for what a header promises before it looks whether it is there.
    """
    file = printable(source.name)
    if source.size > 8 * MOST_ELEMENTS + LONGEST_HEADER:
        raise _too_large(file)
    raw = source.read(0, source.size)
    start = 10 if raw[6:7] == b"\x01" else 12
    begin = start + int.from_bytes(raw[8:start], "little")
    try:
        header = ast.literal_eval(raw[start : min(begin, LONGEST_HEADER)].decode("latin-1").strip())
        descr, order, shape = header["descr"], header["fortran_order"], checked_shape(header["shape"])
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, MemoryError, RecursionError) as error:
        raise source.damaged("its header makes no sense") from error
    if not (isinstance(descr, str) and FLOAT_OF_NUMPY.fullmatch(descr)):
        raise _no_latent(file, f"keeps values of the type {printable(str(descr)[:40])}")
    _check_shape(shape, file)
    if math.prod(shape) * np.dtype(descr).itemsize != len(raw) - begin:
        raise source.damaged("its header promises another number of values than it has")
    array = np.frombuffer(raw, descr, offset=begin).reshape(shape, order="F" if order else "C")
    with np.errstate(over="ignore"):  # what float32 cannot hold is told as not finite
        return _Found(torch.from_numpy(np.array(array, np.float32, order="C")))


def _check_shape(shape: tuple[int, ...], file: str) -> None:
    """Whether this is the shape of latents of pictures."""
    told = "×".join(map(str, shape[:8])) or "a single number"
    if len(shape) == 5:
        raise InvalidInput(
            f"{file} holds latents of a film ({told}, batch × channels × frames × height × width)",
            "Give the latent of a picture: C×h×w or B×C×h×w",
        )
    if len(shape) == 3 and shape[2] == PACKED and (shape[0] < 4 or shape[1] > LONGEST_SIDE):
        raise InvalidInput(
            f"{file} holds latents that are packed for a transformer ({told})",
            "Unpack them in the program they came from (_unpack_latents in diffusers)",
        )
    if len(shape) not in (3, 4) or 0 in shape:
        raise _no_latent(file, f"holds a tensor of {told}")
    batch, channels, height, width = (1, *shape)[-4:]
    if math.prod(shape) > MOST_ELEMENTS or batch > MOST_LATENTS or max(height, width) > LONGEST_SIDE:
        raise _too_large(file)
    if channels > MOST_CHANNELS or (width in LATENT_CHANNELS and channels > max(LATENT_CHANNELS)):
        raise _no_latent(file, f"holds a tensor of {told}, which does not begin with its channels")


def _units(values: torch.Tensor) -> tuple[bool | None, str]:
    """Whether the latents are scaled, from how widely their values spread, and a sentence on that."""
    finite = values[torch.isfinite(values)]
    spread = float(finite.double().std(correction=0)) if finite.numel() else 0.0
    channels = values.shape[1]
    told = f"Their values spread by {spread:.2g} (standard deviation)"
    if 0 < spread < SCALED_BELOW.get(channels, 0.0):
        return True, f"{told}, so the latents are taken as those of a diffusion model, scaled."
    if spread > RAW_ABOVE.get(channels, math.inf):
        return False, f"{told}, so the latents are taken as those of a VAE's encoder, not scaled."
    return None, (
        f"{told}, which does not tell whether the latents are scaled. They are taken as those of a diffusion model, scaled."
    )


def _not_finite(values: torch.Tensor) -> tuple[str, ...]:
    share = 1 - float(torch.isfinite(values).float().mean())
    return (f"{share:.1%} of the values in the file are not finite numbers.",) if share else ()


def _no_latent(file: str, what: str) -> InvalidInput:
    names = ", ".join(NAMES)
    return InvalidInput(f"{file} holds no latent: it {what}", f"Give C×h×w or B×C×h×w, alone or under one of: {names}")


def _too_large(file: str) -> InvalidInput:
    return InvalidInput(
        f"{file} holds more than can be compared",
        f"Give at most {MOST_LATENTS} latents of at most {LONGEST_SIDE}×{LONGEST_SIDE} places, "
        f"{MOST_ELEMENTS >> 20} million values in all",
    )
