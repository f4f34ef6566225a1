"""A recipe: a file, steps in order, and one pass over it that writes the result."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..progress import Progress, part, silent
from .open_files import OpenFiles
from .save import Saved, check_target, save, try_out
from .state import State

PREPARED = 0.3
"""The share of the work that preparing takes in the progress, where a step has to run the network."""


class Step(Protocol):
    """A change. Small frozen dataclasses; see :mod:`.steps`."""

    def apply(self, state: State, files: OpenFiles, progress: Progress) -> State:
        """The changed state. Reads no more than it must: tensors are changed when they are written.

        Args:
            state: what the steps before made of the file.
            files: to open other files by.
            progress: called while the step works.

        Raises:
            WorkbenchError: the step cannot be done.
        """
        ...


@dataclass(frozen=True)
class Recipe:
    """What is to be made.

    Attributes:
        source: the file to begin with; it is never changed.
        steps: in order.
        forgiving: as in :class:`.open_files.OpenFiles`.
    """

    source: str | os.PathLike[str]
    steps: tuple[Step, ...] = ()
    forgiving: bool = False

    @contextlib.contextmanager
    def prepared(self, progress: Progress = silent) -> Iterator[State]:
        """The result as tensors that are not yet made, for as long as the context lasts: to look at before saving."""
        with OpenFiles(self.forgiving) as files:
            state = files.open(self.source)
            for number, step in enumerate(self.steps):
                state = step.apply(
                    replace(state, is_copy=False),
                    files,
                    part(progress, number / len(self.steps), (number + 1) / len(self.steps)),
                )
            yield state

    def save(
        self,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        dry_run: bool = False,
        progress: Progress = silent,
    ) -> Saved:
        """Makes the file; with ``dry_run``, or if nothing was to be done, all is read, checked and told, and nothing written.

        Raises:
            WorkbenchError: as :func:`.save.save` and the steps.
        """
        check_target(Path(target), (os.fspath(self.source),), overwrite)
        with self.prepared(part(progress, 0, PREPARED)) as state:
            check_target(Path(target), state.files, overwrite)
            writing = part(progress, PREPARED, 1)
            if dry_run or state.is_copy:
                return try_out(state, target, writing)
            return save(state, target, overwrite=overwrite, progress=writing)
