"""Running out of memory, and nothing else."""

from __future__ import annotations

import pytest
import torch

from vae_workbench.precision.memory import is_out_of_memory


def test_what_torch_raises_on_this_machine() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("Input type (c10::Half) and bias type (float) should be the same"), False),
        (ValueError("DefaultCPUAllocator: can't allocate memory"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_errors(error: BaseException, answer: bool) -> None:
    assert is_out_of_memory(error) is answer
