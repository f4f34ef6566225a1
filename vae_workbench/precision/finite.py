"""Whether all numbers of a result are numbers."""

from __future__ import annotations

import torch
from torch import Tensor


def all_finite(x: Tensor) -> bool:
    """Whether no element of ``x``, of any shape and floating dtype, is NaN or infinite.

    A NaN or an infinity survives every sum that it is part of, so one reduction without a copy finds it wherever it is. A
    sum of huge numbers can become infinite by itself; only then are the elements looked at one by one.
    """
    return bool(torch.isfinite(x.sum(dtype=torch.float32))) or bool(torch.isfinite(x).all())
