"""The thumbnails of a library on a page: which are to be drawn, and where the browser finds those that are."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from ...errors import Cancelled, WorkbenchError, sentence_of
from ...library.entry import Entry
from ...library.library import Library
from ...printable import printable
from ...progress import Progress, part
from ..workbench import Workbench

logger = logging.getLogger("vae_workbench")

BACKGROUND = "thumbnails"
"""The kind of job that draws them by itself."""

Look = tuple[str, str | None]
"""The id of a sketch, and a latent space."""


class Thumbnails:
    """Thumbnails as files that gradio serves.

    Args:
        library: keeps them.
        serve: makes a copy of a file where gradio may serve it from, and gives its path.
    """

    def __init__(self, library: Library, serve: Callable[[Path], str]) -> None:
        self._library = library
        self._serve = serve
        self._served: dict[Look, str] = {}
        self._tried: set[Look] = set()

    def draw_in_background(self, workbench: Workbench) -> bool:
        """Has the missing ones drawn while nothing else is done, each tried once; whether some are still to come."""
        missing = missing_thumbnails(self._library).keys() - self._tried
        if not workbench.jobs.running(BACKGROUND) and missing and workbench.idle():
            tried = frozenset(self._tried)
            self._tried |= missing
            workbench.jobs.start(BACKGROUND, "Thumbnails", lambda it: draw_thumbnails(workbench, it, without=tried))
        return bool(missing or workbench.jobs.running(BACKGROUND))

    def addresses(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Path of a file → where the browser finds its thumbnail. Files without one are left out."""
        drawn = self._library.thumbnails()
        looks = ((entry.path, look_of(entry)) for entry in entries)
        return {path: self._address(look) for path, look in looks if look in drawn}

    def _address(self, look: Look) -> str:
        served = self._served.get(look, "")
        if not Path(served).is_file():  # temporary files may have been cleared away
            with tempfile.TemporaryDirectory(prefix="vaewb-") as folder:
                path = Path(folder) / "thumbnail.png"
                path.write_bytes(self._library.thumbnail(*look) or b"")
                served = self._served[look] = self._serve(path)
        return f"file={quote(served.replace(chr(92), '/'), safe='/:')}"


def look_of(entry: Entry) -> Look:
    """What decides how the thumbnail of a VAE looks; copies share it."""
    return entry.verdict.sketch_id or "", entry.verdict.latent_space


def missing_thumbnails(library: Library) -> dict[Look, Entry]:
    """The VAEs that are not drawn yet, one of each look."""
    vaes = (entry for entry in library.collection().vaes if entry.verdict.kind == "vae" and entry.verdict.sketch_id)
    wanted = {look_of(entry): entry for entry in vaes}
    drawn = library.thumbnails()
    return {look: entry for look, entry in wanted.items() if look not in drawn}


def draw_thumbnails(
    workbench: Workbench, progress: Progress, *, without: Collection[Look] = ()
) -> tuple[int, Sequence[str]]:
    """Draws what is missing, one VAE at a time, so that pictures can be made in between.

    Args:
        workbench: whose VAEs.
        progress: told of each.
        without: what is left out.

    Returns:
        how many were drawn, and a sentence for each that cannot be.

    Raises:
        Cancelled: ``progress`` raised it. Those that were drawn are kept.
    """
    from ...library.thumbnail import thumbnail

    library = workbench.library
    missing = [entry for look, entry in missing_thumbnails(library).items() if look not in without]
    faults: list[str] = []
    for number, entry in enumerate(missing):
        step = part(progress, number / len(missing), (number + 1) / len(missing), f"{entry.name}: ")
        try:
            with workbench.exclusive(step):
                png = thumbnail(entry.path, entry.verdict.latent_space, device=workbench.device(), progress=step)
            library.keep_thumbnail(*look_of(entry), png)
        except Cancelled:
            raise
        except WorkbenchError as error:
            faults.append(_fault(entry, f"{error.what}."))
        except Exception as error:  # one VAE that fails fails alone
            logger.exception("%s could not be drawn", entry.name)
            faults.append(_fault(entry, sentence_of(error)))
    return len(missing) - len(faults), faults


def _fault(entry: Entry, sentence: str) -> str:
    """What is wrong with a file, with its name in front, once."""
    own = printable(Path(entry.path).name)
    return entry.name + (sentence[len(own) :] if sentence.startswith(own) else f": {sentence}")
