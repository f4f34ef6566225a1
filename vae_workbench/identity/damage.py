"""The full check of a VAE's weights. A sketch sees some of every tensor; this reads them all."""

from __future__ import annotations

import os

from ..autoencoder.names import canonical_names
from ..progress import Progress, silent
from ..weights.reader import open_weights


def damaged_tensors(path: str | os.PathLike[str], progress: Progress = silent) -> list[str]:
    """Names, as in the file, of the VAE's tensors that hold a NaN or an infinite weight.

    Reads the VAE only, one tensor in memory at a time.

    Args:
        path: a VAE or a checkpoint.
        progress: called before each tensor.

    Raises:
        FileProblem: the file cannot be read.
        UnknownArchitecture: two names mean the same tensor.
        Cancelled: ``progress`` raised it.
    """
    damaged = []
    with open_weights(path) as reader:
        names = list(canonical_names(reader.inventory.tensors).values())
        for number, name in enumerate(names):
            progress(number / len(names), f"Checking {name}")
            # isfinite lacks the 8-bit formats in most versions of torch.
            if not reader.load(name).float().isfinite().all():
                damaged.append(name)
    return damaged
