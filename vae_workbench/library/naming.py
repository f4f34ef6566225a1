"""Names by which files can be told apart in every list."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence


def distinct_names(paths: Sequence[str]) -> list[str]:
    """A name for each path: the file's own, with as many of its folders in front as it takes to be the only one.

    ``a/vae.safetensors`` and ``b/vae.safetensors`` where two files are called ``vae.safetensors``. Names that differ only in
    upper and lower case count as the same.

    Args:
        paths: absolute ones, each once.
    """
    parts = [tuple(path.replace(os.sep, "/").split("/")) for path in paths]
    depths = [1] * len(paths)
    names = [_name(own, 1) for own in parts]
    while clashes := _clashes(names):
        grown = False
        for place in clashes:
            if depths[place] < len(parts[place]):
                depths[place] += 1
                names[place] = _name(parts[place], depths[place])
                grown = True
        if not grown:  # paths that differ in case only, whole
            break
    return names


def _name(parts: tuple[str, ...], depth: int) -> str:
    return "/".join(parts[-depth:])


def _clashes(names: Sequence[str]) -> list[int]:
    lowered = [name.lower() for name in names]
    counts = Counter(lowered)
    return [place for place, name in enumerate(lowered) if counts[name] > 1]
