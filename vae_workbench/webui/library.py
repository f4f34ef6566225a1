"""The library of the web UI's own folders, and what keeps it up to date in the background."""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from pathlib import Path

from modules import paths, sd_models, sd_vae, shared

from ..errors import Cancelled, FileProblem, WorkbenchError
from ..library.library import Library
from ..library.places import library_in
from .log import logger
from .options import hashes_in_background

FOLDER = "VAE-Workbench"
"""Below the web UI's models, so that names given by hand outlive the extension and move with the models."""

POLL = 0.5
"""Seconds between two looks whether the picture is done."""

QUIET = 2.0
"""Seconds in which the web UI has nothing to do before the folders are looked through."""


def data_folder() -> Path:
    """Where everything lies that is remembered for this web UI."""
    return Path(paths.models_path) / FOLDER


@lru_cache(maxsize=1)
def library() -> Library:
    """The one library of this process."""
    return library_in(data_folder())


def folders() -> list[Path]:
    """All folders in which the web UI looks for VAEs and checkpoints, and that exist."""
    options = shared.cmd_opts
    named = (sd_vae.vae_path, options.vae_dir, sd_models.model_path, options.ckpt_dir)
    return [Path(folder) for folder in dict.fromkeys(named) if folder and Path(folder).is_dir()]


def is_idle() -> bool:
    """Whether no picture is made and the first checkpoint is not being loaded."""
    loading = getattr(sd_models.model_data, "lock", None)
    return not (shared.state.job or shared.state.job_count or (loading and loading.locked()))


class BackgroundScan:
    """Waits until the web UI has nothing to do, scans the folders once in a thread of its own, then hashes VAE files while no
    picture is made."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vaewb-library", daemon=True)

    def start(self) -> None:
        """Begins; once."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it at its next step and waits for that."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._wait_until_idle()
            library().scan(folders(), self._go_on)
            self._hash()
        except Cancelled:
            pass
        except WorkbenchError as error:
            logger.warning("%s", error)
        except Exception:  # noqa: BLE001  # the outermost callback of this thread
            logger.exception("The library could not be brought up to date")

    def _wait_until_idle(self) -> None:
        """Starting takes all the machine has, and nothing is scanned before that is over."""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < QUIET:
            if self._stopped.wait(min(POLL, QUIET)):
                raise Cancelled
            if not is_idle():
                idle_since = time.monotonic()

    def _hash(self) -> None:
        """Hashes what is not hashed yet; a file that cannot be read is told of and left out."""
        unreadable: set[str] = set()
        while hashes_in_background():
            waiting = next((path for path in library().unhashed() if path not in unreadable), None)
            if waiting is None:
                return
            try:
                library().compute_sha256(waiting, self._go_on_when_idle)
            except FileProblem as error:
                unreadable.add(waiting)
                logger.warning("%s", error)

    def _go_on(self, _fraction: float, _what: str) -> None:
        if self._stopped.is_set():
            raise Cancelled

    def _go_on_when_idle(self, fraction: float, what: str) -> None:
        self._go_on(fraction, what)
        while not is_idle():
            time.sleep(POLL)
            self._go_on(fraction, what)
