"""Models that were saved in several files: ``…-00001-of-00002.safetensors``."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.\w+")


class Shard(NamedTuple):
    """A part of a model.

    Attributes:
        number: which part it is, from 1.
        total: how many there are; 2 at least.
    """

    number: int
    total: int


def shard_of(path: str | os.PathLike[str]) -> Shard | None:
    """Which part of a model a file is, by its name; ``None`` for a whole one."""
    match = _SHARD.fullmatch(os.path.basename(os.fspath(path)))  # noqa: PTH119  # names need not be UTF-8
    shard = Shard(int(match[2]), int(match[3])) if match else None
    return shard if shard and shard.total > 1 and 1 <= shard.number <= shard.total else None
