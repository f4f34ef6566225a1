"""Where the standalone app finds files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..compare.decoding.candidate import Candidate
from ..library.naming import distinct_names
from ..library.walk import walk


def list_vaes(folders: Iterable[Path]) -> Sequence[Candidate]:
    """Every file of weights below the folders, under the names that the library gives them."""
    paths = sorted(walk(folders).files, key=str.lower)
    return [Candidate(name, path) for name, path in zip(distinct_names(paths), paths, strict=True)]
