"""What a person or a program orders from the workshop: a recipe by the names of the lists, and a name for the result."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...library.entry import Entry
from ...printable import printable
from ...progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from ...edit.recipe import Recipe

FOLDERS = ("vae", "checkpoint")
ENDING, MARK = ".safetensors", ".vae"
"""The web UI takes a file in its folder of checkpoints for a VAE if its name ends in ``.vae`` before the ending."""

LONGEST_NAME = 120
UNWRITABLE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""What some system has in no name of a file."""

DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that are no files on Windows."""

PICTURE_SIDE = 256
"""Pixels of the pictures that steps look at."""


def built_in_picture(name: str, progress: Progress) -> Tensor:
    """A built-in picture by its name, 1×3×H×W in −1..1.

    Raises:
        Cancelled: passed on from ``progress``.
        InvalidInput: there is none of that name.
    """
    from ...compare.sources.sources import built_in_source

    progress(0.0, f"drawing the picture {printable(name)}")
    source = built_in_source(name, PICTURE_SIDE)
    assert source.picture is not None
    return source.picture.pixels * 2 - 1


@dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        source: name in the list of VAEs and checkpoints.
        steps: see :mod:`...edit.recipe_json`.
        name: of the new file.
        folder: one of :data:`FOLDERS`.
        overwrite: whether a file of that name is replaced.
        dry_run: whether all is tried and nothing written.
        picture: what the names of pictures in the steps mean, as :func:`built_in_picture`.
    """

    source: str
    steps: list[Any] = field(default_factory=list)
    name: str = ""
    folder: str = FOLDERS[0]
    overwrite: bool = False
    dry_run: bool = False
    picture: Callable[[str, Progress], Tensor] = built_in_picture


def recipe_of(order: Order, found: Collection, progress: Progress = silent) -> Recipe:
    """The recipe, with files in place of names, and pictures, which take a while to draw.

    Raises:
        Cancelled: passed on from ``progress``.
        InvalidInput: it is none, or a name means nothing or several files.
    """
    from ...edit.recipe_json import Names, recipe_from

    return recipe_from(
        entry_called(order.source, found).path,
        order.steps,
        Names(partial(_path, found), lambda name: order.picture(name, progress)),
    )


def entry_called(name: str, found: Collection) -> Entry:
    """A file by its name in the lists.

    Raises:
        InvalidInput: there is none, or several may be meant.
    """
    if not name:
        raise InvalidInput("No file is chosen", "Choose a VAE or a checkpoint")
    meant = found.called(name)
    if not meant:
        raise InvalidInput(f"There is no VAE or checkpoint named {printable(name)}", "Choose one of the list")
    if len(meant) > 1:
        names = ", ".join(entry.name for entry in meant)
        raise InvalidInput(f"{printable(name)} may be any of {names}", "Name one of those")
    return meant[0]


def target_of(order: Order, found: Collection, folders: Mapping[str, Path]) -> Path:
    """Where the result goes: a plain name in one of the folders.

    Raises:
        InvalidInput: that is no name for a file, or the folder is not for what is made.
    """
    from ...edit.recipe_json import gives_checkpoint, told_steps

    if order.folder not in folders:
        raise InvalidInput(f"{printable(order.folder)} is no folder to save in", f"Choose one of {', '.join(folders)}")
    source = entry_called(order.source, found)
    stem = _stem(order.name)
    is_checkpoint = gives_checkpoint(source.verdict.kind == "checkpoint", told_steps(order.steps))
    if len(set(folders.values())) > 1:
        if is_checkpoint and order.folder == "vae":
            raise InvalidInput("A checkpoint is no file for the VAE folder", "Choose the checkpoint folder")
        if not is_checkpoint and order.folder == "checkpoint" and not stem.lower().endswith(MARK):
            stem += MARK
    return folders[order.folder] / (stem + ENDING)


def check_is_new(target: Path, order: Order) -> None:
    """Raises InvalidInput if a file is there that is not to be replaced."""
    if os.path.lexists(target) and not order.overwrite:
        raise InvalidInput(f"{printable(target.name)} is there already", "Choose another name, or allow to replace it")


def _stem(name: str) -> str:
    """The name without its ending."""
    plain = name.strip()
    stem = plain[: -len(ENDING)] if plain.lower().endswith(ENDING) else plain
    if not stem.strip(". "):
        raise InvalidInput("The new file has no name", "Give it one")
    if UNWRITABLE.search(stem) or stem.startswith(".") or printable(stem) != stem or DEVICES.fullmatch(stem):
        raise InvalidInput(f"{printable(stem)} is no name for a file", "Use letters, digits, spaces and hyphens")
    if len(stem.encode()) > LONGEST_NAME:
        raise InvalidInput("The name is too long", f"Keep to {LONGEST_NAME} letters")
    return stem


def _path(found: Collection, name: str) -> Path:
    return Path(entry_called(name, found).path)
