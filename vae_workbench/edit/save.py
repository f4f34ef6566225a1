"""A finished recipe as a file: whole or absent, and never in place of a file that it was made from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnwritableTarget
from ..progress import Progress, silent
from ..targets import check_file_target
from ..weights.writer import Recipe, write_safetensors, write_with_header
from .provenance import metadata_of
from .state import State

ENDINGS = (".safetensors", ".sft")


@dataclass(frozen=True)
class Saved:
    """What was made, or would be.

    Attributes:
        path: of the file.
        written: whether it is there now; false after a trial.
        size: bytes of its tensors.
        tensors: how many.
        done: by the steps, as JSON.
        notes: sentences.
    """

    path: Path
    written: bool
    size: int
    tensors: int
    done: tuple[object, ...]
    notes: tuple[str, ...]


def check_target(target: Path, files: Iterator[str] | tuple[str, ...], overwrite: bool) -> None:
    """Whether the file may be written, before any work is done.

    Raises:
        UnwritableTarget: it is one of the files that are read, by whatever name or link; it has another ending than
            .safetensors; or its folder cannot be written to.
        TargetExists: it is there, and ``overwrite`` is off.
    """
    if target.suffix.lower() not in ENDINGS:
        raise UnwritableTarget(
            target, f"{target.name} does not end in .safetensors, which is what is written", "Give it that ending"
        )
    for file in files:
        if target.exists() and target.samefile(file):
            raise UnwritableTarget(target, f"{target.name} is {_self(target, file)}", "Choose another name")
    check_file_target(target, overwrite=overwrite, option="--force")


def save(
    state: State, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress = silent
) -> Saved:
    """Writes it. Whatever goes wrong, nothing is left behind, and a file that was there before is intact.

    Raises:
        TargetExists, UnwritableTarget: as :func:`check_target` and :func:`..weights.writer.write_safetensors`.
        FileProblem: a source cannot be read, or changed meanwhile.
        InvalidInput: a step cannot do what it was asked for with one of the tensors.
        Cancelled: ``progress`` raised it.
    """
    place = Path(target)
    check_target(place, state.files, overwrite)
    recipes = [tensor.recipe(name) for name, tensor in state.tensors.items()]
    if state.header is None:
        write_safetensors(place, recipes, metadata_of(state, place), overwrite=overwrite, progress=progress)
    else:
        write_with_header(place, state.header, recipes, overwrite=overwrite, progress=progress)
    return _saved(state, recipes, place, True)


def try_out(state: State, target: str | os.PathLike[str], progress: Progress = silent) -> Saved:
    """Reads and makes all tensors and writes nothing; errors as in :func:`save`, but for those of the target."""
    recipes = [tensor.recipe(name) for name, tensor in state.tensors.items()]
    for number, tensor in enumerate(state.tensors.values()):
        progress(number / len(recipes), "Trying")
        for _ in tensor.chunks():
            pass
    return _saved(state, recipes, Path(target), False)


def _saved(state: State, recipes: list[Recipe], place: Path, written: bool) -> Saved:
    found = [sentence for finding in state.findings for sentence in finding()]
    notes = tuple(dict.fromkeys((*state.notes, *found)))
    return Saved(place, written, sum(recipe.nbytes for recipe in recipes), len(recipes), state.done, notes)


def _self(target: Path, file: str) -> str:
    same = os.path.abspath(target) == os.path.abspath(file)  # noqa: PTH100  # links are not to be followed
    return "the file that is read" if same else f"a link to {Path(file).name}, which is read"
