"""Writes safetensors files, tensor by tensor, completely or not at all.

A file is written under a temporary name beside its target, made durable, and renamed. Where nothing may be overwritten,
the target's name is first claimed with an empty file that only one program can create: hard links and exclusive renames
would do the same in one step, but do not exist on every file system of Windows, macOS and Linux.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import InvalidInput, TargetExists, UnwritableTarget
from ..progress import Progress, silent
from .dtypes import BITS
from .safetensors_header import header_bytes
from .torch_dtypes import NAMES, packed_shape, unpacked_shape

CHUNK = 16 << 20
"""Bytes written between two calls of the progress callback."""

_RANK = {dtype: rank for rank, dtype in enumerate(BITS)}


@dataclass(frozen=True)
class Recipe:
    """A tensor to be written, made when its turn comes.

    Attributes:
        name: its name in the file.
        dtype: its number format, as safetensors names it.
        shape: its sizes, as safetensors counts them.
        load: makes the tensor, on any device; must give exactly that format and shape.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    load: Callable[[], torch.Tensor]

    @staticmethod
    def of(name: str, tensor: torch.Tensor) -> Recipe:
        """The recipe for a tensor that is there already. Raises InvalidInput if safetensors lacks its format."""
        dtype = NAMES.get(tensor.dtype)
        if dtype is None:
            raise InvalidInput(f"{name} is of {tensor.dtype}, which safetensors cannot hold", "Convert it first")
        return Recipe(name, dtype, unpacked_shape(dtype, tuple(tensor.shape)), lambda: tensor)


def write_safetensors(
    target: str | os.PathLike[str],
    recipes: Iterable[Recipe],
    metadata: Mapping[str, str] | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Writes one file with one tensor in memory at a time, in the order in which the safetensors library sorts them.

    Whatever goes wrong, the temporary file is removed and a file that was there before is intact.

    Args:
        target: the file to be; its folder must exist.
        recipes: the tensors, in any order.
        metadata: ``__metadata__`` of the file.
        overwrite: whether a file of that name may be replaced. A symbolic link is replaced itself.
        progress: called between tensors and every 16 MiB; what it raises is passed on.

    Raises:
        TargetExists: there is such a file, or someone made one in the meantime, and ``overwrite`` is off.
        UnwritableTarget: the disk is full or the system refuses.
        InvalidInput: a name comes twice, or a recipe made something else than it declared.
    """
    place = Path(target)
    ordered = sorted(recipes, key=lambda recipe: (-_RANK.get(recipe.dtype, 0), recipe.name))
    header, size = header_bytes(((recipe.name, recipe.dtype, recipe.shape) for recipe in ordered), metadata or {})
    if not overwrite and os.path.lexists(place):
        raise _exists(place)
    temporary = place.with_name(f".vaewb-{secrets.token_hex(8)}.part")
    try:
        with _reporting(place):
            _check_space(place, len(header) + size)
            file = io.FileIO(temporary, "x")
        with file:
            _fill(file, place, header, ordered, len(header) + size, progress)
        with _reporting(place):
            _publish(temporary, place, overwrite)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _fill(
    file: io.FileIO, target: Path, header: bytes, recipes: Iterable[Recipe], total: int, progress: Progress
) -> None:
    def append(data: memoryview, done: int) -> int:
        while data:
            progress(done / total, f"Writing {target.name}")
            with _reporting(target):
                count = file.write(data[:CHUNK])
            data, done = data[count:], done + count
        return done

    done = append(memoryview(header), 0)
    for recipe in recipes:
        done = append(_bytes_of(recipe), done)
    progress(1.0, f"Writing {target.name}")
    with _reporting(target):
        os.fsync(file.fileno())


def _bytes_of(recipe: Recipe) -> memoryview:
    """The bytes of a tensor in the order of its elements. Raises InvalidInput if it is not the one declared."""
    tensor = recipe.load()
    shape = tuple(tensor.shape)
    if NAMES.get(tensor.dtype) != recipe.dtype or shape != packed_shape(recipe.dtype, recipe.shape):
        raise InvalidInput(
            f"{recipe.name} became {tensor.dtype} {list(shape)} instead of {recipe.dtype} {list(recipe.shape)}",
            "Report this with the files that you used",
        )
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _publish(temporary: Path, target: Path, overwrite: bool) -> None:
    """Gives the finished file its name, and makes the name durable."""
    if overwrite:
        temporary.replace(target)
    else:
        try:
            target.touch(exist_ok=False)
        except FileExistsError as error:
            raise _exists(target) from error
        try:
            temporary.replace(target)
        except BaseException:
            target.unlink()
            raise
    # Windows cannot open folders, and some network drives cannot sync them; the name is then durable a little later.
    with contextlib.suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _check_space(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        fault = f"{target.name} needs {needed / 1e9:.2f} GB, but {free / 1e9:.2f} GB are free in its folder"
        raise UnwritableTarget(target, fault, "Free some space or choose another folder")


@contextlib.contextmanager
def _reporting(target: Path) -> Iterator[None]:
    """Turns refusals of the system into the error that a person reads."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        remedy = "Free some space" if full else "Check that its folder exists and may be written to"
        raise UnwritableTarget(target, f"{target.name} cannot be written: {error.strerror or error}", remedy) from error


def _exists(target: Path) -> TargetExists:
    return TargetExists(target, f"{target.name} exists already", "Choose another name, or allow overwriting")
