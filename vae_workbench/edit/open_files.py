"""Files opened for a recipe: whole ones, models in several parts, and files that others refuse to read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

from ..errors import DamagedFile, UnreadableFile, WorkbenchError
from ..identity.identify import identify
from ..identity.verdict import Verdict
from ..weights.inventory import inventory_of
from ..weights.layout import Inventory
from ..weights.pickled_code import code_in_words
from ..weights.reader import WeightsReader, open_weights
from ..weights.shards import shard_of
from ..weights.source import Source
from .lazy_tensor import LazyTensor
from .state import State

INDEX = ".index.json"
"""How the name of the file ends that lists the parts of a model."""

LARGEST_INDEX = 16 << 20

CUT_TEXT = " MB of text)"
"""How a text ends that the reader has cut out of a header of many megabytes."""


class OpenFiles:
    """Opens files, and keeps them open until the ``with`` statement is left.

    Args:
        forgiving: whether files are opened too that break the rules of their format without hiding a weight.
    """

    def __init__(self, forgiving: bool = False) -> None:
        self._forgiving = forgiving
        self._stack = contextlib.ExitStack()

    def open(self, path: str | os.PathLike[str]) -> State:
        """What a file holds. Of a model in several parts, any part or its index will do.

        Raises:
            FileProblem: it cannot be read, or parts are missing.
        """
        where = Path(path)
        parts = _parts(where)
        faults: list[str] = []
        readers = [self._reader(part, faults) for part in parts]
        tensors = {}
        for reader in readers:
            for name in _in_place(reader.inventory):
                if name in tensors:
                    raise DamagedFile(
                        where, f"Two parts of {where.name} hold {name}", "Save the model again where it was made"
                    )
                tensors[name] = LazyTensor.stored(reader, name)
        first = readers[0].inventory
        notes = [f"{where.name} {fault}." for fault in faults] + _notes(first, len(parts))
        metadata = {key: value for key, value in first.metadata.items() if not _is_cut(value)}
        notes += [f"Its metadata {key!r} is too large and was left out." for key in first.metadata.keys() - metadata]
        return State(
            where.name,
            tensors,
            metadata,
            None if faults else _verdict(parts[0]) if len(parts) == 1 else None,
            tuple(map(os.fspath, parts)),
            notes=tuple(notes),
        )

    def header(self, path: str) -> bytes | None:
        """The bytes of the header of a safetensors file; ``None`` for another."""
        reader = self._reader(Path(path), [])
        if reader.inventory.container != "safetensors":
            return None
        first = min((info.offset for info in reader.inventory.tensors.values()), default=reader.inventory.size)
        with Source(path) as source:
            return source.read(0, first)

    def _reader(self, path: Path, faults: list[str]) -> WeightsReader:
        read: Callable[[Source], Inventory] = partial(inventory_of, faults=faults) if self._forgiving else inventory_of
        return self._stack.enter_context(open_weights(path, read))

    def __enter__(self) -> OpenFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _parts(path: Path) -> list[Path]:
    """The files of a model, in order.

    Raises:
        UnreadableFile: some are missing.
    """
    if path.name.endswith(INDEX):
        names = _listed(path)
    elif shard := shard_of(path):
        stem, ending = path.name.rsplit(f"-{shard.number:05d}-of-", 1)
        names = [f"{stem}-{number:05d}-of-{ending}" for number in range(1, shard.total + 1)]
    else:
        return [path]
    missing = [name for name in names if not path.with_name(name).is_file()]
    if missing:
        raise UnreadableFile(
            path, f"{len(missing)} of the {len(names)} parts of {path.name} are missing, as {missing[0]}", "Add them"
        )
    return [path.with_name(name) for name in names]


def _listed(index: Path) -> list[str]:
    try:
        with index.open("rb") as file:
            names = sorted(set(json.loads(file.read(LARGEST_INDEX))["weight_map"].values()))
    except OSError as error:
        raise UnreadableFile(index, f"{index.name} cannot be read: {error.strerror}", "Check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFile(index, f"{index.name} is no index of a model in parts", "Name one of the parts") from error
    if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
        raise DamagedFile(index, f"{index.name} names no parts in its own folder", "Name one of the parts")
    return names


def _notes(inventory: Inventory, parts: int) -> list[str]:
    notes = [f"It was put together from {parts} parts."] if parts > 1 else []
    if inventory.wrapper:
        notes.append(f"Its weights lay under {inventory.wrapper}.")
    if inventory.code:
        notes.append(f"It held code, which was neither run nor kept: its pickle named {code_in_words(inventory.code)}.")
    return notes


def _in_place(inventory: Inventory) -> list[str]:
    """Names in the order in which the tensors lie, so that a file is read from its beginning to its end."""
    infos = inventory.tensors
    if inventory.container != "safetensors":
        return list(infos)
    return sorted(infos, key=lambda name: (infos[name].offset, infos[name].nbytes))


def _is_cut(value: str) -> bool:
    return value.startswith("(") and value.endswith(CUT_TEXT)


def _verdict(path: Path) -> Verdict | None:
    try:
        return identify(path)
    except WorkbenchError:
        return None
