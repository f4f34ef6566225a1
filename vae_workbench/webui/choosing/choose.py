"""Which VAE a checkpoint gets in this web UI: from its library, its settings and the person's preferences."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from modules import sd_models, sd_vae, shared

from ...choice.best_match import Network
from ...choice.decide import Choice, VaeSettings, decide
from ...choice.hint import Hint, hint
from ...choice.mirror import mirror
from ...choice.preference_store import PreferenceStore, store_in
from ...choice.preferences import OWN
from ...choice.proposals import AUTOMATIC, TOP_BAR
from ...choice.refusals import Refusals
from ...errors import WorkbenchError
from ...library.collection import Collection
from ...library.entry import Entry
from ..library import data_folder, folders, library
from ..log import logger
from ..patching import described
from . import vae_list

refusals = Refusals()
"""What was refused when it was loaded."""
networks: dict[str, Network] = {}
"""Checkpoint file → the network that was built for it, by its ``shapes_id``."""


_selected: str | None = None
"""What was selected in the top bar last; ``None`` before it is known."""


def note_selection(name: str | None) -> str | None:
    """A person selected this name in the top bar or the settings; gives what was selected before."""
    global _selected
    before, _selected = _selected, name
    return before


def overridden() -> bool:
    """Whether what is set now is an override of one generation: the web UI sets the option for so long."""
    return _selected is not None and str(shared.opts.sd_vae) != _selected


@lru_cache(maxsize=1)
def preferences() -> PreferenceStore:
    """The one store of this process."""
    return store_in(data_folder())


def choose(
    checkpoint: str, *, setting: str | None = None, force: bool = False, refused: Mapping[str, str] | None = None
) -> Choice:
    """The VAE for a checkpoint file; see :func:`..choice.decide.decide`.

    ``setting`` stands for what the top bar says; ``None`` leaves that as it is. What was refused before counts as well.

    Raises:
        UnsupportedFile, UnreadableFile: the preferences cannot be read.
    """
    if setting is None and shared.opts.sd_vae not in (*AUTOMATIC, OWN):
        vae_list.find(str(shared.opts.sd_vae))  # a file that was copied there a moment ago is listed from here on
    found, entry = candidates(checkpoint)
    _follow_metadata(entry, found)
    around = vae_settings(found)
    return decide(
        entry,
        around.setting if setting is None else setting,
        preferences().read(),
        found,
        around.command_line,
        setting_overrides=around.setting_overrides,
        force=force,
        refused={**refusals.of(entry.path), **(refused or {})},
        network=networks.get(entry.path),
        setting_from=TOP_BAR if setting is not None or not overridden() else "override_settings",
    )


def vae_settings(found: Collection) -> VaeSettings:
    """What the top bar, the settings and the command line say now, and what was seen when checkpoints were loaded."""
    overrides = bool(shared.opts.sd_vae_overrides_per_model_preferences)
    return VaeSettings(_setting(found), _command_line(), overrides, dict(networks), refusals.all())


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
    """What the top bar says. Its list may call a file by a shorter name than the library, which has checkpoints as well; and
    override settings may call it as they like."""
    name = str(shared.opts.sd_vae)
    path = None if name in (*AUTOMATIC, OWN) else vae_list.find(name)
    entry = found.by_path(path) if path else None
    return entry.name if entry else name


def _follow_metadata(checkpoint: Entry, found: Collection) -> None:
    """Lets the web UI's metadata of a checkpoint and its override agree before they are asked."""
    try:
        for problem in mirror(preferences(), [checkpoint], found):
            _warn_once(str(problem))
    except WorkbenchError as error:
        _warn_once(str(error))
    except Exception as error:  # noqa: BLE001  # the preferences are asked all the same
        _warn_once(f"The web UI's metadata of {checkpoint.name} could not be followed ({described(error)}).")


@lru_cache(maxsize=64)
def _warn_once(sentence: str) -> None:
    """A decision is made several times for each picture."""
    logger.warning("%s", sentence)


def _command_line() -> Entry | str | None:
    path = shared.cmd_opts.vae_path
    if path is None:
        return None
    return library().entry(path) if os.path.isfile(path) else str(path)  # noqa: PTH113
