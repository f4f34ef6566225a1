"""A sketch: a few numbers of every tensor, by which a VAE is known again in any container, naming and precision.

Of every tensor, one run of 16 neighbouring values (all, if it is smaller) is read, at a place that depends on nothing but its
canonical name and its size; of the layers at the picture's end a little more, so that an edit of colours can be told from them.
A full-size KL autoencoder gives 250 short reads and about 3,900 values.

What follows: another file with the same weights has the same sketch up to the rounding of its precision, and a finetune has
another one. A tensor that was replaced as a whole is seen; a change of some values of a tensor is seen only if it touches
the run.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ..autoencoder.names import Shape
from ..lazy_dataclass import dataclass
from ..weights.reader import WeightsReader
from .number_formats import Rounding

RUN = 16
"""Values of each tensor."""

LAST_LAYER, FIRST_LAYER = "decoder.conv_out.weight", "encoder.conv_in.weight"
"""Of the last layer a run is read in each row (what makes one colour), all at the same place; of the first, one whole filter."""

MOST_ROWS = 16
"""Of a last layer that is sampled in each row."""

DTYPES = {
    "F64": "fp64",
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "F8_E4M3": "fp8",
    "F8_E5M2": "fp8",
    "F8_E4M3FNUZ": "fp8",
    "F8_E5M2FNUZ": "fp8",
}
"""Number formats that weights can be sketched from, and what people call them."""


@dataclass(frozen=True)
class Layout:
    """Which tensors a half of a sketch has.

    Attributes:
        id: equal for equal names and shapes only.
        names: canonical names, sorted, of the tensors that have values.
        counts: values of each tensor in the sketch, at least 1.
    """

    id: str
    names: tuple[str, ...]
    counts: tuple[int, ...]

    @cached_property
    def tensor_of(self) -> NDArray[np.intp]:
        """For each value the number of its tensor."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """For each tensor the place of its first value."""
        return np.cumsum((0, *self.counts[:-1]), dtype=np.intp)

    @cached_property
    def place(self) -> dict[str, int]:
        """The number of each tensor by its name."""
        return {name: number for number, name in enumerate(self.names)}

    def means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean over each tensor, of values or of rows of values."""
        found: NDArray[np.float64] = np.add.reduceat(values, self.starts, axis=-1) / np.array(self.counts)
        return found

    def largest(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The largest in each tensor, of values or of rows of values."""
        found: NDArray[np.float64] = np.maximum.reduceat(values, self.starts, axis=-1)
        return found

    def of(self, name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values of one tensor."""
        number = self.place[name]
        return values[self.starts[number] : self.starts[number] + self.counts[number]]


@dataclass(frozen=True, eq=False)
class Half:
    """The sketch of an encoder or a decoder.

    Attributes:
        layout: its tensors.
        values: flat. In NumPy, because torch spreads even such small work over threads, and waits for those that a
            generation keeps busy.
    """

    layout: Layout
    values: NDArray[np.float32]

    @cached_property
    def rounding(self) -> Rounding:
        """How far the precision of the values may have moved them. Values must be finite."""
        return Rounding.of(self.values.astype(np.float64), self.layout.tensor_of, len(self.layout.counts))

    @cached_property
    def squares(self) -> NDArray[np.float64]:
        """For each tensor the mean square of its values."""
        return self.layout.means(np.square(self.values, dtype=np.float64))

    @cached_property
    def id(self) -> str:
        """Equal for equal values of equal tensors only."""
        content = self.layout.id.encode() + self.values.tobytes()
        return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Sketch:
    """The sketch of a VAE, its halves apart.

    Attributes:
        halves: ``encoder`` and ``decoder``, or one of them.
    """

    halves: Mapping[str, Half]

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits; for display and as a key.

        It is made from the values as they are in this file. The same numbers give the same id in every container, naming
        and format (so also when fp16 was widened to fp32), but a copy in lower precision has another one: rounded values
        cannot be hashed to the same key. Whether two sketches are of the same VAE is told by :mod:`.likeness`.
        """
        content = "".join(f"{name}{half.id}" for name, half in sorted(self.halves.items()))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def damaged(self) -> tuple[str, ...]:
        """Canonical names of the tensors with a value that is NaN or infinite, among those read."""
        return tuple(
            half.layout.names[number]
            for half in self.halves.values()
            for number in sorted(set(half.layout.tensor_of[~np.isfinite(half.values)].tolist()))
        )

    @cached_property
    def blank(self) -> bool:
        """Whether nothing can be known again by it: all values are zero, or some are no numbers."""
        return bool(self.damaged) or not any(half.values.any() for half in self.halves.values())

    @cached_property
    def digits(self) -> float:
        """Binary digits that the values have, on average over tensors: about 8 in bf16 and 24 in fp32, whatever format the
        file has."""
        return float(np.mean([half.rounding.digits for half in self.halves.values()]))

    def to_bytes(self) -> bytes:
        """For a database; about 12 KB for a full-size VAE."""
        head = {
            name: [half.layout.id, half.layout.names, half.layout.counts] for name, half in sorted(self.halves.items())
        }
        values = b"".join(half.values.tobytes() for _, half in sorted(self.halves.items()))
        return zlib.compress(json.dumps(head).encode() + b"\n" + values, 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Sketch:
        """The sketch that :meth:`to_bytes` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            head, _, content = zlib.decompress(data).partition(b"\n")
            layouts = _layouts(head)
            values = np.frombuffer(content, np.float32)
            ends = np.cumsum([sum(layout.counts) for layout in layouts.values()])
            if len(values) != ends[-1]:
                raise ValueError("values are missing")
            parts = np.split(values, ends[:-1])
            return cls({name: Half(layout, part) for (name, layout), part in zip(layouts.items(), parts, strict=True)})
        except (zlib.error, TypeError, AttributeError, IndexError, ValueError) as error:
            raise ValueError("this is not a sketch") from error


def read_sketch(reader: WeightsReader, names: Mapping[str, str], shapes: Mapping[str, Shape]) -> Sketch | None:
    """The sketch of the VAE in a file; ``None`` if its weights are in a format that cannot be sketched.

    Args:
        reader: the open file. Of each tensor at most 64 bytes are read (more if it does not lie in order; and of an archive
            that was packed again, what lies before must be unpacked).
        names: canonical name → name in the file.
        shapes: canonical name → shape.

    Raises:
        DamagedFile: bytes are not where the header says.
        UnreadableFile: the file was changed since it was opened, or the system refuses to read it.
    """
    tensors = reader.inventory.tensors
    if not names or any(tensors[source].dtype not in DTYPES for source in names.values()):
        return None
    halves: dict[str, list[str]] = {}
    for name in sorted(names):
        halves.setdefault(half_of(name), []).append(name)
    return Sketch({half: _read_half(reader, names, {n: shapes[n] for n in own}) for half, own in halves.items()})


def half_of(name: str) -> str:
    """The half that a canonical name belongs to: ``encoder`` (what makes the latent) or ``decoder``."""
    return "encoder" if name.startswith(("encoder.", "quant_conv.", "bn.")) else "decoder"


def _read_half(reader: WeightsReader, names: Mapping[str, str], shapes: Mapping[str, Shape]) -> Half:
    layout, runs = _plan(tuple(shapes.items()))
    places = ((names[name], start, count) for name, start, count in runs)
    return Half(layout, reader.samples(places).add_(0.0).numpy())  # adding 0 turns -0 into 0


Run = tuple[str, int, int]
"""The canonical name of a tensor, the place of the first value, and how many."""


@lru_cache(maxsize=64)
def _plan(shapes: tuple[tuple[str, Shape], ...]) -> tuple[Layout, tuple[Run, ...]]:
    """The layout of a half, and what to read of it."""
    plan = {name: _runs(name, shape) for name, shape in shapes}
    text = "".join(f"{name}{list(shape)}{plan[name]}\n" for name, shape in shapes)
    identity = hashlib.sha256(text.encode()).hexdigest()[:16]
    counts = {name: sum(count for *_, count in runs) for name, runs in plan.items()}
    names = tuple(name for name, count in counts.items() if count)
    runs = tuple(run for name in names for run in plan[name])
    return Layout(identity, names, tuple(counts[name] for name in names)), runs


def _runs(name: str, shape: Shape) -> list[Run]:
    size = torch.Size(shape).numel()
    if name == LAST_LAYER and size and len(shape) > 1 and shape[0] <= MOST_ROWS:
        row = size // shape[0]
        count = min(RUN, row)
        return [(name, start, count) for start in range(_start(name, row, count), size, row)]
    if name == FIRST_LAYER and size and len(shape) > 1 and size // shape[0] <= 4 * RUN:
        count = size // shape[0]
        return [(name, _start(name, shape[0], 1) * count, count)]
    count = min(RUN, size)
    return [(name, _start(name, size, count), count)]


def _start(name: str, size: int, count: int) -> int:
    digest = hashlib.sha256(f"{name} {size}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (size - count + 1)


@lru_cache(maxsize=64)
def _layouts(head: bytes) -> dict[str, Layout]:
    """Layouts as they were written. They are shared, because thousands of sketches have the same few."""
    return {
        str(half): Layout(str(identity), tuple(map(str, names)), tuple(map(int, counts)))
        for half, (identity, names, counts) in json.loads(head).items()
    }
