"""A VAE that a person names for checkpoints, checked before it becomes a preference."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidInput
from ..library.collection import Collection
from ..library.entry import Entry
from .find import find_vaes
from .fit import defect, held_vae, misfit
from .preferences import OWN, PreferredVae


class LikelyMisfit(InvalidInput):
    """A VAE probably does not fit; a person who knows better may confirm it."""


def preferred_vae(name: str, checkpoints: Iterable[Entry], library: Collection, *, force: bool = False) -> PreferredVae:
    """The VAE of this name, or each checkpoint's own for :data:`.preferences.OWN`.

    Args:
        name: as in the library's lists, or that of the file if only one is called so.
        checkpoints: those that it is meant for.
        force: whether it is wanted although it probably does not fit.

    Raises:
        LikelyMisfit: it probably does not fit one of the checkpoints, and ``force`` is not given.
        InvalidInput: there is none of this name, or several; it is broken; or it does not fit one of the checkpoints.
    """
    if name == OWN:
        for checkpoint in checkpoints:
            if why := defect(checkpoint):
                raise InvalidInput(f"The checkpoint's own VAE cannot be used: {why}", "Choose a file")
        return PreferredVae(OWN)
    found = find_vaes(library, name)
    if not found:
        raise InvalidInput(f"There is no VAE called {name}", "Choose one of the list, or refresh it")
    if len(found) > 1:
        names = " or ".join(sorted(entry.name for entry in found))
        raise InvalidInput(f"Several files are called {name}", f"Choose {names}")
    vae, held = found[0], held_vae(found[0])
    if held is None:
        raise InvalidInput(f"{vae.name} cannot be used: {defect(vae)}", "Choose another one")
    faults = [fault for checkpoint in checkpoints if (fault := misfit(checkpoint, held))]
    for fault in sorted(faults, key=lambda fault: not fault.certain):
        if fault.certain:
            raise InvalidInput(f"{vae.name} does not fit: {fault.why}", "Choose another one")
        if not force:
            raise LikelyMisfit(
                f"{vae.name} does not fit: {fault.why}", "Confirm it (force) if you want it all the same"
            )
    return PreferredVae.of(vae, force=force)
