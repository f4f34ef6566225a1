"""Which of several files hold the same VAE, so that it is extracted once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..identity.examine import examine
from ..identity.relatives.kinship import group_copies
from ..progress import Progress, silent


@dataclass(frozen=True)
class Copies:
    """Files that hold one VAE, the most precise first.

    Attributes:
        paths: of the files; one alone where there is nothing to compare.
        is_vae: whether there is a VAE, or otherwise none that can be read.
    """

    paths: tuple[str | os.PathLike[str], ...]
    is_vae: bool


def copies_among(paths: Sequence[str | os.PathLike[str]], progress: Progress = silent) -> list[Copies]:
    """The files by the VAE that they hold, in the order of the first of each.

    Files without a VAE, and those that cannot be read, stand alone.
    """
    sketches = []
    for number, path in enumerate(paths):
        progress(number / len(paths), f"Looking into {os.path.basename(path)}")  # noqa: PTH119  # names need not be UTF-8
        sketches.append(examine(path).sketch)
    usable = [(place, sketch) for place, sketch in enumerate(sketches) if sketch is not None and not sketch.blank]
    groups = [tuple(usable[place][0] for place in group) for group in group_copies([sketch for _, sketch in usable])]
    alone = set(range(len(paths))) - {place for group in groups for place in group}
    ordered = sorted([*groups, *((place,) for place in alone)], key=min)
    return [Copies(tuple(paths[place] for place in group), sketches[group[0]] is not None) for group in ordered]
