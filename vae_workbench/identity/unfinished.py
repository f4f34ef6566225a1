"""Signs of a file that is not whole although it can be read: layers of zeros, and the note of a program that downloads it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..printable import printable
from ..weights.reader import WeightsReader
from .architecture.signature import Signature
from .sketch import Half, Sketch

NOTES = (
    ".aria2",
    ".part",
    ".partial",
    ".crdownload",
    ".opdownload",
    ".download",
    ".tmp",
    ".incomplete",
    ".!qB",
    ".!ut",
)
"""What programs that download add to the name of a file for their notes, or for what they have so far."""

FEWEST_IN_A_ROW = 3
"""Layers of zeros that follow one another in the file: so many are no fault of training."""

MOST_LOOKED_AT = 16
MORE_RUNS = 8
MORE_VALUES = 64
"""What more is read of layers that seem to be zero, if they are few: in some that are not, neighbouring values are."""


MOST_TOLD = 3
"""Names of layers in one sentence."""


def download_warning(path: str) -> tuple[str, ...]:
    """A sentence on the note that is left beside a file until its download has ended."""
    note = next((path + ending for ending in NOTES if os.path.exists(path + ending)), None)  # noqa: PTH110
    if note is None:
        return ()
    name = printable(os.path.basename(note))  # noqa: PTH119  # names need not be UTF-8
    return (f"Its download has not ended, as {name} beside it tells: wait, or download it again.",)


def zero_layers(reader: WeightsReader, signature: Signature, sketch: Sketch) -> tuple[str, ...]:
    """Canonical names of the layers whose weights are zero as far as they were read, in the order of the file.

    Only few bytes more are read, and only of layers whose sketch is zero. Biases may be zero.
    """
    zero = {name for half in sketch.halves.values() for name in _zero_in(half)}
    if len(zero) <= MOST_LOOKED_AT:
        zero = {name for name in zero if not _more_of(reader, signature.names[name]).any()}
    return tuple(sorted(zero, key=lambda name: _place(reader, signature.names[name])))


def _zero_in(half: Half) -> Iterator[str]:
    """Layers with no value but zero in the sketch."""
    layout = half.layout
    others = np.bincount(layout.tensor_of, weights=half.values != 0, minlength=len(layout.counts))
    for number in np.flatnonzero(others == 0).tolist():
        if layout.names[number].endswith(".weight") and layout.counts[number]:
            yield layout.names[number]


def _more_of(reader: WeightsReader, name: str) -> NDArray[np.float32]:
    size = reader.inventory.tensors[name].numel
    count = min(MORE_VALUES, size)
    starts = np.linspace(0, size - count, MORE_RUNS).astype(int).tolist()
    return reader.samples([(name, start, count) for start in starts]).numpy()


def _place(reader: WeightsReader, name: str) -> tuple[int, int]:
    info = reader.inventory.tensors[name]
    return info.record.header if info.record else 0, info.offset


def zeros_warning(reader: WeightsReader, signature: Signature, sketch: Sketch) -> tuple[str, ...]:
    """A sentence on the layers of a VAE that are zero."""
    if sketch.blank and not sketch.damaged:
        return ("It holds nothing but zeros: it was never trained, or downloaded in part. Download it again.",)
    zero = () if sketch.damaged else zero_layers(reader, signature, sketch)
    if not zero:
        return ()
    layers = [name for name in signature.names if name.endswith(".weight")]
    layers.sort(key=lambda name: _place(reader, signature.names[name]))
    if _longest_run(layers, set(zero)) >= FEWEST_IN_A_ROW:
        return (
            f"{len(zero)} of its {len(layers)} layers hold nothing but zeros, from {zero[0]} to {zero[-1]} in the file: it "
            "was probably downloaded in part. Download it again.",
        )
    follows = (
        "every picture would be of one colour" if "decoder.conv_out.weight" in zero else "its pictures will be wrong"
    )
    verb = "holds" if len(zero) == 1 else "hold"
    told = zero if len(zero) <= MOST_TOLD else (*zero[:MOST_TOLD], f"{len(zero) - MOST_TOLD} more")
    return (f"{' and '.join(told)} {verb} nothing but zeros, as no trained layer does: {follows}.",)


def _longest_run(names: list[str], zero: set[str]) -> int:
    longest = run = 0
    for name in names:
        run = run + 1 if name in zero else 0
        longest = max(longest, run)
    return longest
