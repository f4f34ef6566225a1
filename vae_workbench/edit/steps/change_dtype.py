"""Another number format, with an eye on what does not fit into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...errors import InvalidInput
from ...progress import Progress
from ...weights.dtypes import FLOATS
from ...weights.torch_file.dtypes import DTYPES
from ..lazy_tensor import LazyTensor, bytes_of
from ..open_files import OpenFiles
from ..state import State

FORMATS = {"fp32": "F32", "fp16": "F16", "bf16": "BF16"}
"""Formats as people call them, and as safetensors does."""

WIDER = {
    ("F16", "F32"),
    ("BF16", "F32"),
    ("F8_E4M3", "F16"),
    ("F8_E4M3", "F32"),
    ("F8_E5M2", "F16"),
    ("F8_E5M2", "F32"),
}
"""From which to which format nothing is lost."""

LARGEST_LOSS = 0.01
"""Relative to a tensor: rounding to bf16 costs at most 0.004, so beyond, its values have sunk below the smallest number."""


@dataclass
class Losses:
    """What did not fit, counted while tensors pass through.

    Attributes:
        clamped: values that were too large and became the largest number.
        vanished: values that became zero.
        rounded: values that are another number now.
    """

    clamped: int = 0
    vanished: int = 0
    rounded: int = 0


@dataclass(frozen=True)
class ChangeDtype:
    """All floating-point numbers in another format.

    Attributes:
        dtype: a key of :data:`FORMATS`.
        lossy: whether values that do not fit are clamped and counted; otherwise they are an error.
    """

    dtype: str
    lossy: bool = False
    losses: Losses = field(default_factory=Losses, compare=False)

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:  # noqa: ARG002
        if self.dtype not in FORMATS:
            raise InvalidInput(f"{self.dtype} is no format to convert to", f"Name one of {', '.join(FORMATS)}")
        target = FORMATS[self.dtype]
        tensors = {name: self._converted(name, tensor, target) for name, tensor in state.tensors.items()}
        done = {"step": "dtype", "dtype": self.dtype}
        return replace(
            state, tensors=tensors, done=(*state.done, done), findings=(*state.findings, self._told), header=None
        )

    def _converted(self, name: str, tensor: LazyTensor, target: str) -> LazyTensor:
        if tensor.dtype not in FLOATS or tensor.dtype == target:
            return tensor
        dtype = DTYPES[target]
        if (tensor.dtype, target) in WIDER:
            return tensor.mapped(lambda piece: piece.to(dtype), target)
        return LazyTensor(target, tensor.shape, lambda: self._narrowed(name, tensor, dtype))

    def _narrowed(self, name: str, tensor: LazyTensor, dtype: torch.dtype) -> Iterator[memoryview]:
        lost, whole = 0.0, 0.0
        for piece in tensor.pieces():
            values = piece if piece.dtype in (torch.float32, torch.float64) else piece.float()
            narrow = self._clamped(name, values, dtype)
            rest = values - narrow.to(values.dtype)
            finite = rest.isfinite()
            if not finite.all():
                rest, values = rest[finite], values[finite]
            lost += float(rest.square().sum())
            whole += float(values.square().sum())
            self.losses.rounded += int(rest.count_nonzero())
            self.losses.vanished += int(values.count_nonzero() - narrow.count_nonzero()) if finite.all() else 0
            yield bytes_of(narrow)
        if lost > LARGEST_LOSS**2 * whole and not self.lossy:
            raise InvalidInput(
                f"The values of {name} are too small for {self.dtype}: {(lost / whole) ** 0.5:.0%} of them would be lost",
                "Choose fp32 or bf16, or allow the loss",
            )

    def _clamped(self, name: str, values: Tensor, dtype: torch.dtype) -> Tensor:
        limit = torch.finfo(dtype).max
        narrow = values.to(dtype)
        over = narrow.isinf() & values.isfinite()
        count = int(over.count_nonzero())
        if not count:
            return narrow
        if not self.lossy:
            largest = float(values[over].abs().max())
            raise InvalidInput(
                f"{name} holds {largest:.6g}, and the largest number of {self.dtype} is {limit:.6g}",
                "Choose fp32 or bf16, or allow the loss",
            )
        self.losses.clamped += count
        return torch.where(over, values.sign() * limit, narrow.to(values.dtype)).to(dtype)

    def _told(self) -> Iterator[str]:
        if self.losses.rounded:
            yield f"{self.losses.rounded:,} values were rounded to {self.dtype}."
        if self.losses.vanished:
            yield f"{self.losses.vanished:,} values were too small for {self.dtype} and became zero."
        if self.losses.clamped:
            yield f"{self.losses.clamped:,} values were too large for {self.dtype} and became its largest number."
