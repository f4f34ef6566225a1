"""Which VAE a checkpoint gets in this web UI: from its library, its settings and the person's preferences."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from modules import sd_models, sd_vae, shared

from ..choice.decide import Choice, Circumstances, decide
from ..choice.hint import Hint, hint
from ..choice.mirror import mirror
from ..choice.preference_store import PreferenceStore, store_in
from ..errors import WorkbenchError
from ..library.collection import Collection
from ..library.entry import Entry
from .library import data_folder, folders, library
from .log import logger


@lru_cache(maxsize=1)
def preferences() -> PreferenceStore:
    """The one store of this process."""
    return store_in(data_folder())


def choose(
    checkpoint: str, *, setting: str | None = None, force: bool = False, refused: Mapping[str, str] | None = None
) -> Choice:
    """The VAE for a checkpoint file; see :func:`..choice.decide.decide`.

    ``setting`` stands for what the top bar says; ``None`` leaves that as it is.

    Raises:
        UnsupportedFile, UnreadableFile: the preferences cannot be read.
    """
    found, entry = candidates(checkpoint)
    _follow_metadata(entry, found)
    around = circumstances(found)
    return decide(
        entry,
        around.setting if setting is None else setting,
        preferences().read(),
        found,
        around.command_line,
        setting_overrides=around.setting_overrides,
        force=force,
        refused=refused,
    )


def circumstances(found: Collection) -> Circumstances:
    """What the top bar, the settings and the command line say now."""
    return Circumstances(_setting(found), _command_line(), bool(shared.opts.sd_vae_overrides_per_model_preferences))


def advice(checkpoint: str) -> Hint | None:
    """A better VAE than the one that a checkpoint gets; see :func:`..choice.hint.hint`.

    Raises:
        UnsupportedFile, UnreadableFile: the preferences cannot be read.
    """
    found, entry = candidates(checkpoint)
    return hint(entry, choose(checkpoint), preferences().read(), found)


def candidates(checkpoint: str) -> tuple[Collection, Entry]:
    """The files to choose from, and the checkpoint among them."""
    found = files(checkpoint)
    return found, found.by_path(checkpoint) or library().entry(checkpoint)


def files(checkpoint: str) -> Collection:
    """The library; before its first scan, the checkpoint and the VAE files that the web UI has listed."""
    listed = list(sd_vae.vae_dict.values())
    if library().report is None:
        beside = [info.filename for info in list(sd_models.checkpoints_list.values())]
        known = library().index.records()
        return library().among([checkpoint, *listed, *(path for path in map(os.path.abspath, beside) if path in known)])
    if any(library().collection().by_path(path) is None for path in listed):
        library().scan(folders())
    return library().collection()


def _setting(found: Collection) -> str:
    """What the top bar says. Its list may call a file by a shorter name than the library, which has checkpoints as well."""
    name = str(shared.opts.sd_vae)
    entry = found.by_path(sd_vae.vae_dict[name]) if name in sd_vae.vae_dict else None
    return entry.name if entry else name


def _follow_metadata(checkpoint: Entry, found: Collection) -> None:
    """Lets the web UI's metadata of a checkpoint and its override agree before they are asked."""
    try:
        for problem in mirror(preferences(), [checkpoint], found):
            _warn_once(str(problem))
    except WorkbenchError as error:
        _warn_once(str(error))


@lru_cache(maxsize=64)
def _warn_once(sentence: str) -> None:
    """A decision is made several times for each picture."""
    logger.warning("%s", sentence)


def _command_line() -> Entry | str | None:
    path = shared.cmd_opts.vae_path
    if path is None:
        return None
    return library().entry(path) if os.path.isfile(path) else str(path)  # noqa: PTH113
