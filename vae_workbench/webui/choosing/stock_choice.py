"""The VAE that the web UI itself would choose, for when the library or the preferences cannot be asked."""

from __future__ import annotations

import os
from collections.abc import Mapping

from modules import sd_vae, shared

from ...choice.decide import Choice, Source, Step
from ...errors import WorkbenchError
from ...identity.verdict import Certainty, Verdict
from ...library.entry import Entry
from ...library.walk import stamp_of
from ..patching import described, original
from . import vae_list


class StockChoice(Choice):
    """A choice without any knowledge of what the files hold."""


def stock_choice(checkpoint: str, error: Exception, refused: Mapping[str, str]) -> StockChoice:
    """What the web UI chooses for a checkpoint file; its own VAE where that has been refused.

    Args:
        checkpoint: the file.
        error: why it cannot be chosen by the library and the preferences.
        refused: as in :func:`.choose.choose`.
    """
    problem = str(error) if isinstance(error, WorkbenchError) else f"The library failed ({described(error)})."
    warnings = [f"{problem} The VAE is the one that the web UI itself would choose."]
    path, reason = _resolved(checkpoint)
    steps = []
    if path in refused:
        name, why = vae_list.name_of(path), refused[path].rstrip(".")
        selected = Source.SETTING if path == vae_list.find(str(shared.opts.sd_vae)) else Source.BESIDE
        steps.append(Step(selected, name, False, f"It cannot be used: {why}."))
        warnings.append(f"{name} ({reason}) is not used: {why}.")
        path = ""
    if path:
        return StockChoice(_unknown(path), Source.SETTING, reason, tuple(warnings), (*steps,))
    own = checkpoint not in refused
    if not own:
        warnings.append(f"The checkpoint's own VAE cannot be used: {refused[checkpoint].rstrip('.')}.")
    return StockChoice(None, Source.OWN if own else Source.NOTHING, "the checkpoint's own", tuple(warnings), (*steps,))


def _resolved(checkpoint: str) -> tuple[str, str]:
    """The path, empty for the checkpoint's own, and the web UI's phrase for why it is that one."""
    try:
        path, reason = original(sd_vae, "resolve_vae")(checkpoint).tuple()
    except Exception:  # noqa: BLE001  # it fails on metadata that are no JSON object
        return "", ""
    return os.path.abspath(path) if path else "", reason or ""  # noqa: PTH100  # resolve() would follow links


def _unknown(path: str) -> Entry:
    size, mtime_ns, ctime_ns = stamp_of(path) or (0, 0, 0)  # what is gone is told when it is read
    verdict = Verdict(path, "other", Certainty.UNKNOWN, ())
    return Entry(vae_list.name_of(path), path, size, mtime_ns, "", verdict, ctime_ns=ctime_ns)
