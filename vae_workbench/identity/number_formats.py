"""Which number format values went through, told by the values, and how far it may have moved them.

Files are often stored wider than they are: bf16 numbers as fp32, fp8 numbers as fp16. Of random weights a format leaves its mark
in every tensor: all values have no more binary digits than it has.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..lazy_dataclass import dataclass

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class NumberFormat:
    """A binary floating point format.

    Attributes:
        name: what people call it.
        digits: binary digits of a normal number, with the leading one.
        spacing: between the smallest numbers, a power of two.
        largest: the largest finite number, to which some programs clamp.
    """

    name: str
    digits: int
    spacing: float
    largest: float

    def spacings(self, values: Floats) -> Floats:
        """The distance between neighbouring numbers of the format around each value."""
        exponents = np.frexp(values)[1]
        exponents[values == 0] = -1074
        smallest = int(math.log2(self.spacing))
        found: Floats = np.ldexp(1.0, np.maximum(exponents - self.digits, smallest))
        return found

    def holds(self, values: Floats) -> Flags:
        """Which of the values the format can hold exactly."""
        steps = values / self.spacings(values)
        exact: Flags = (np.floor(steps) == steps) & (np.abs(values) <= self.largest)
        return exact


FORMATS = (
    NumberFormat("fp8", 3, 2.0**-16, 57344.0),  # e5m2
    NumberFormat("fp8", 3, 2.0**-17, 57344.0),  # e5m2fnuz
    NumberFormat("fp8", 4, 2.0**-9, 448.0),  # e4m3fn
    NumberFormat("fp8", 4, 2.0**-10, 240.0),  # e4m3fnuz
    NumberFormat("bf16", 8, 2.0**-133, math.inf),
    NumberFormat("fp16", 11, 2.0**-24, 65504.0),
    NumberFormat("fp32", 24, 2.0**-149, math.inf),
)
"""The coarsest first. fp32 is the finest that sketches keep."""

DIGITS = np.array([float(form.digits) for form in FORMATS])
SPACINGS = np.array([form.spacing for form in FORMATS])
LARGEST = np.array([form.largest for form in FORMATS])

FP8 = tuple(place for place, form in enumerate(FORMATS) if form.name == "fp8")
FP32 = len(FORMATS) - 1

PLAIN = NumberFormat("", 2, 2.0**-149, math.inf)
"""Tensors whose values have two digits, such as zeros and ones, tell nothing of their format."""

USUAL = 0.1
"""Share of the telling tensors that fit into a format for it to be believed of those that tell nothing."""


@dataclass(frozen=True, eq=False)
class Rounding:
    """How far the formats that values went through may have moved them. All arrays have a number for each value.

    Attributes:
        name: of the format that most tensors are in.
        bound: half of the spacing, of all formats that the tensor's values fit into, because they may have gone through each
            of them: fp32 that became fp16 and then bf16 is not the same as fp32 that became bf16.
        relative, absolute: the same bound as ``relative · |value| + absolute``, for sums of values.
        largest: what larger values may have been clamped to.
        digits: binary digits of the format, on average over tensors.
    """

    name: str
    bound: Floats
    relative: Floats
    absolute: Floats
    largest: Floats
    digits: float

    @classmethod
    def of(cls, values: Floats, tensor_of: NDArray[np.intp], tensors: int) -> Rounding:
        """The rounding that the values themselves tell.

        Args:
            values: finite ones.
            tensor_of: for each value the number of its tensor.
            tensors: how many there are.
        """
        held = np.stack([_all_of(form.holds(values), tensor_of, tensors) for form in FORMATS])
        held[FP32] = True  # fp64 was rounded to it
        coarsest = held.argmax(0)
        telling = ~_all_of(PLAIN.holds(values), tensor_of, tensors)
        counts = np.bincount(coarsest[telling], minlength=len(FORMATS))
        usual = held[:, telling].sum(1) > USUAL * telling.sum()
        usual[FP32] |= not telling.any()
        believed = np.where(telling, held, held & usual[:, None])
        believed[FP32] = True
        coarsest = believed.argmax(0)
        digits = DIGITS[coarsest].mean() if tensors else DIGITS[FP32]
        believed, coarsest = believed[:, tensor_of], coarsest[tensor_of]
        halves = np.stack([form.spacings(values) / 2 for form in FORMATS])
        relative, absolute = (column[:, None] for column in (2.0**-DIGITS, SPACINGS / 2))
        name = FORMATS[int(counts.argmax()) if telling.any() else FP32].name
        bound, slope, floor = (_together(each * believed) for each in (halves, relative, absolute))
        # What became 0 may have been rounded to bf16 before, by so much of what it was.
        return cls(name, bound * (1 + 2.0**-8), slope, floor, LARGEST[coarsest], float(digits))


def _all_of(flags: Flags, tensor_of: NDArray[np.intp], tensors: int) -> Flags:
    """For each tensor, whether the flag is set for all of its values."""
    found: Flags = np.bincount(tensor_of[~flags], minlength=tensors) == 0
    return found


def _together(each: Floats) -> Floats:
    """The sum over formats; of the formats of fp8, a value went through one."""
    total: Floats = each[list(FP8)].max(0) + each[FP8[-1] + 1 :].sum(0)
    return total
