"""Which VAE a checkpoint gets: the web UI's order of choices, as a list to go down until one can be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules import extra_networks, shared

from . import vae_list

AUTOMATIC, NONE = "Automatic", "None"
COMMAND_LINE = "named on the command line"
SELECTED = "selected in the top bar"
OVERRIDE = "set for this checkpoint"
BESIDE = "named like the checkpoint"
OWN_REASON = "the checkpoint's own"


@dataclass(frozen=True)
class Candidate:
    """A VAE that a checkpoint may get.

    Attributes:
        path: the file, or ``None`` for the checkpoint's own.
        reason: why, as a phrase.
        warnings: sentences on what came before it and could not be used, or was guessed.
    """

    path: str | None
    reason: str
    warnings: tuple[str, ...] = ()


def candidates(checkpoint: str) -> Iterator[Candidate]:
    """The VAEs for a checkpoint file, the best first; the last one is always the checkpoint's own.

    A choice that names a file that is not there gives a warning in all that follow.
    """
    warnings: list[str] = []
    for reason, name in _choices(checkpoint):
        path = _path(reason, name)
        if path is None and name != NONE:
            warnings.append(f"There is no VAE {name!r}, which is {reason}.")
            continue
        yield Candidate(path, reason, tuple(warnings))
        if path is None:
            return
    yield Candidate(None, OWN_REASON, tuple(warnings))


def selected_name() -> str:
    """What is selected in the top bar, :data:`AUTOMATIC` in any of its spellings."""
    name = shared.opts.sd_vae
    return AUTOMATIC if name in (AUTOMATIC, "auto", "") else str(name)


def unknown(name: object) -> bool:
    """Whether a value of the option ``sd_vae`` names no VAE."""
    return name not in (AUTOMATIC, "auto", NONE) and vae_list.find(str(name)) is None


def _choices(checkpoint: str) -> Iterator[tuple[str, str]]:
    """Reason and name of what was chosen, in the order of precedence."""
    if shared.cmd_opts.vae_path is not None:
        yield COMMAND_LINE, shared.cmd_opts.vae_path
    selected = selected_name()
    overrules = shared.opts.sd_vae_overrides_per_model_preferences and selected != AUTOMATIC
    if overrules:
        yield SELECTED, selected
    preferred = _metadata(checkpoint).get("vae")
    if isinstance(preferred, str) and preferred not in ("", AUTOMATIC):
        yield OVERRIDE, preferred
    near = vae_list.beside(checkpoint)
    if near is not None:
        yield BESIDE, near
    if not overrules and selected != AUTOMATIC:
        yield SELECTED, selected


def _path(reason: str, name: str) -> str | None:
    if name == NONE:
        return None
    if reason in (COMMAND_LINE, BESIDE):
        return name if Path(name).is_file() else None
    return vae_list.find(name)


def _metadata(checkpoint: str) -> dict[str, Any]:
    """What the user noted about the checkpoint; a file that holds no JSON object counts as none."""
    metadata = extra_networks.get_user_metadata(checkpoint)
    return metadata if isinstance(metadata, dict) else {}
