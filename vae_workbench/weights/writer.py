"""Writes safetensors files, tensor by tensor, completely or not at all.

A file is written under a temporary name beside its target, made durable, and given its name. Where nothing may be
overwritten, that is done by a hard link, which only one program can create; on a file system without links, the name is first
claimed with an empty file and then replaced.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import InvalidInput, TargetExists, UnwritableTarget
from ..progress import Progress, silent
from .dtypes import BITS, byte_size
from .safetensors_header import header_bytes
from .torch_file.dtypes import NAMES, packed_shape, unpacked_shape

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CHUNK = 16 << 20
"""Bytes written between two calls of the progress callback, at most."""

HASH = "modelspec.hash_sha256"
"""Metadata: ``0x`` and the sha256 of all bytes behind the header (https://github.com/Stability-AI/ModelSpec)."""

_HASH_IN_HEADER = re.compile(rb'"modelspec\.hash_sha256"\s*:\s*"0x([0-9a-fA-F]{64})"')

BEGUN, UNFINISHED = ".vaewb-writing-", ".part"
"""How names of temporary files begin and end."""

ABANDONED = 60.0
"""Seconds after which a temporary file that nobody has locked is one that nobody will finish."""

REMEDIES = {
    errno.ENOSPC: "Free some space",
    getattr(errno, "EDQUOT", errno.ENOSPC): "Free some space",
    errno.EFBIG: "Choose a disk that takes files so large",
}
"""By what the system says."""

REPORT = "Report this with the files that you used"

_RANK = {dtype: rank for rank, dtype in enumerate(BITS)}


@dataclass(frozen=True)
class Recipe:
    """A tensor to be written, made when its turn comes.

    Attributes:
        name: its name in the file.
        dtype: its number format, as safetensors names it.
        shape: its sizes, as safetensors counts them.
        load: makes the tensor, on any device; must give exactly that format and shape.
        chunks: gives its bytes part by part instead, so that it need not be in memory as a whole. Each part is done with before
            the next but one is asked for.
        copy_to: appends some of its bytes, from a place on, to a file without bringing them into memory, and tells how many; 0 if
            that cannot be done.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    load: Callable[[], torch.Tensor]
    chunks: Callable[[], Iterable[memoryview]] | None = None
    copy_to: Callable[[io.FileIO, int, int], int] | None = None

    @staticmethod
    def of(name: str, tensor: torch.Tensor) -> Recipe:
        """The recipe for a tensor that is there already. Raises InvalidInput if safetensors lacks its format."""
        dtype = NAMES.get(tensor.dtype)
        if dtype is None:
            raise InvalidInput(f"{name} is of {tensor.dtype}, which safetensors cannot hold", "Convert it first")
        return Recipe(name, dtype, unpacked_shape(dtype, tuple(tensor.shape)), lambda: tensor)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in the file."""
        return byte_size(self.dtype, math.prod(self.shape))


def write_safetensors(
    target: str | os.PathLike[str],
    recipes: Iterable[Recipe],
    metadata: Mapping[str, str] | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Writes one file with one tensor in memory at a time, in the order in which the safetensors library sorts them.

    Where the metadata holds :data:`HASH`, its value becomes that of the tensors that were written.

    Whatever goes wrong, the temporary file is removed and a file that was there before is intact. What a killed program left
    in the folder is removed too.

    Args:
        target: the file to be; its folder must exist.
        recipes: the tensors, in any order.
        metadata: ``__metadata__`` of the file.
        overwrite: whether a file of that name may be replaced. A symbolic link is replaced itself.
        progress: called between tensors and every few MiB; what it raises is passed on.

    Raises:
        TargetExists: there is such a file, or someone made one in the meantime, and ``overwrite`` is off.
        UnwritableTarget: the disk is full or the system refuses.
        InvalidInput: a name comes twice, or a recipe made something else than it declared.
    """
    ordered = sorted(recipes, key=lambda recipe: (-_RANK.get(recipe.dtype, 0), recipe.name))
    told = dict(metadata or {})
    if HASH in told:
        told[HASH] = "0x" + "0" * 64
    header, _ = header_bytes(((recipe.name, recipe.dtype, recipe.shape) for recipe in ordered), told)
    write_with_header(target, header, ordered, overwrite=overwrite, progress=progress)


def write_with_header(
    target: str | os.PathLike[str],
    header: bytes,
    recipes: Sequence[Recipe],
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """As :func:`write_safetensors`, with a header that is there already.

    Args:
        target: the file to be.
        header: its length included; the value of :data:`HASH` in it becomes that of the tensors.
        recipes: the tensors in the order in which the header has them.
        overwrite, progress: as there.
    """
    place = Path(target)
    size = len(header) + sum(recipe.nbytes for recipe in recipes)
    if not overwrite and os.path.lexists(place):
        raise _exists(place)
    temporary = place.with_name(f"{BEGUN}{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with _reporting(place):
            _remove_abandoned(place.parent)
            _check_space(place, size)
            file = io.FileIO(temporary, "x+")
        with file:
            _lock(file)
            _fill(file, place, header, recipes, size, progress)
        with _reporting(place):
            _publish(temporary, place, overwrite)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _fill(
    file: io.FileIO, target: Path, header: bytes, recipes: Iterable[Recipe], total: int, progress: Progress
) -> None:
    hashed = _HASH_IN_HEADER.search(header)
    digest = hashlib.sha256()
    done = 0

    def append(data: memoryview) -> None:
        nonlocal done
        while data:
            progress(done / total, f"Writing {target.name}")
            with _reporting(target):
                count = file.write(data[:CHUNK])
            data, done = data[count:], done + count

    def copy(recipe: Recipe) -> bool:
        """Whether its bytes could be copied by the system."""
        nonlocal done
        left = recipe.nbytes
        while left and recipe.copy_to is not None:
            progress(done / total, f"Writing {target.name}")
            with _reporting(target):
                count = recipe.copy_to(file, recipe.nbytes - left, min(left, CHUNK))
            if not count:
                break
            left, done = left - count, done + count
        if left and left != recipe.nbytes:  # nothing but the rest is missing
            file.seek(left - recipe.nbytes, os.SEEK_CUR)
            done -= recipe.nbytes - left
        return not left

    append(memoryview(header))
    with ThreadPoolExecutor(1) as other_core:  # hashes one chunk while the next is read and written
        hashing: Future[None] | None = None
        for recipe in recipes:
            before = done
            if not hashed and copy(recipe):
                continue
            for chunk in _chunks_of(recipe):
                if hashing:
                    hashing.result()
                hashing = other_core.submit(digest.update, chunk) if hashed else None
                append(chunk)
            if done - before != recipe.nbytes:
                raise InvalidInput(f"{recipe.name} took {done - before} bytes instead of {recipe.nbytes}", REPORT)
    progress(1.0, f"Writing {target.name}")
    with _reporting(target):
        if hashed:
            file.seek(hashed.start(1))
            file.write(digest.hexdigest().encode())
        os.fsync(file.fileno())


def _chunks_of(recipe: Recipe) -> Iterable[memoryview]:
    if recipe.chunks is not None:
        return recipe.chunks()
    return (_bytes_of(recipe),)


def _bytes_of(recipe: Recipe) -> memoryview:
    """The bytes of a tensor in the order of its elements. Raises InvalidInput if it is not the one declared."""
    tensor = recipe.load()
    shape = tuple(tensor.shape)
    if NAMES.get(tensor.dtype) != recipe.dtype or shape != packed_shape(recipe.dtype, recipe.shape):
        raise InvalidInput(
            f"{recipe.name} became {tensor.dtype} {list(shape)} instead of {recipe.dtype} {list(recipe.shape)}", REPORT
        )
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def _publish(temporary: Path, target: Path, overwrite: bool) -> None:
    """Gives the finished file its name, and makes the name durable."""
    if overwrite:
        temporary.replace(target)
    else:
        _publish_new(temporary, target)
    # Windows cannot open folders, and some network drives cannot sync them; the name is then durable a little later.
    with contextlib.suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _publish_new(temporary: Path, target: Path) -> None:
    try:
        target.hardlink_to(temporary)  # in one step: a file of that name is whole, or not there
        return
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:
        pass  # this file system has no links
    try:
        target.touch(exist_ok=False)
    except FileExistsError as error:
        raise _exists(target) from error
    try:
        temporary.replace(target)
    except BaseException:
        target.unlink()
        raise


def _lock(file: io.FileIO) -> None:
    """Tells others that somebody writes to this file; on Windows, that it is open tells them."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_abandoned(folder: Path) -> None:
    """Removes what programs left that were killed while they wrote: nobody writes to it, and has not for a while."""
    for path in folder.glob(f"{BEGUN}*{UNFINISHED}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                with path.open("r+b", buffering=0) as file:
                    if fcntl is not None:
                        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _check_space(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        fault = f"{target.name} needs {needed / 1e6:,.1f} MB, but {free / 1e6:,.1f} MB are free in its folder"
        raise UnwritableTarget(target, fault, "Free some space or choose another folder")


@contextlib.contextmanager
def _reporting(target: Path) -> Iterator[None]:
    """Turns refusals of the system into the error that a person reads."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "Check that its folder exists and may be written to")
        raise UnwritableTarget(target, f"{target.name} cannot be written: {error.strerror or error}", remedy) from error


def _exists(target: Path) -> TargetExists:
    return TargetExists(target, f"{target.name} exists already", "Choose another name, or allow overwriting")
