"""Number formats as torch objects."""

from __future__ import annotations

import torch

from ..dtypes import TORCH_NAMES

NAMES = {getattr(torch, torch_name): dtype for dtype, torch_name in TORCH_NAMES.items() if hasattr(torch, torch_name)}
"""The formats that this torch has, and what safetensors calls them."""

DTYPES = {dtype: torch_dtype for torch_dtype, dtype in NAMES.items()}
"""The same the other way round."""


def packed_shape(dtype: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that torch gives a tensor: two elements of ``F4`` share one of its own, along the last dimension."""
    return (*shape[:-1], shape[-1] // 2) if dtype == "F4" and shape else shape


def unpacked_shape(dtype: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in the file of a tensor that torch gives this shape; undoes :func:`packed_shape`."""
    return (*shape[:-1], shape[-1] * 2) if dtype == "F4" and shape else shape
