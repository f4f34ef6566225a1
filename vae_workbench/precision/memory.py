"""Running out of memory, told apart from every other error."""

from __future__ import annotations

import torch

MESSAGES = (
    "DefaultCPUAllocator: not enough memory",
    "DefaultCPUAllocator: can't allocate memory",
    "MPS backend out of memory",
)
"""How torch says it where it has no exception of its own for it: on a CPU and on MPS."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this error says that memory ran out, and nothing else."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(message in str(error) for message in MESSAGES)
