"""A VAE that a person names for checkpoints, checked before it becomes a preference."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InvalidInput
from ..library.collection import Collection
from ..library.entry import Entry
from ..printable import printable
from .find import find_vaes
from .fit import defect, misfit, network_fault, vae_traits
from .preferences import OWN, PreferredVae

CONFIRM = "Confirm it if you want it all the same"


class LikelyMisfit(InvalidInput):
    """A VAE probably does not fit, or is probably damaged; a person who knows better may confirm it."""


def preferred_vae(name: str, checkpoints: Sequence[Entry], library: Collection, *, force: bool = False) -> PreferredVae:
    """The VAE of this name, or each checkpoint's own for :data:`.preferences.OWN`.

    Args:
        name: as in the library's lists, or that of the file if only one is called so.
        checkpoints: those that it is meant for.
        force: whether it is wanted although it probably does not fit, or there is something to warn of.

    Raises:
        LikelyMisfit: it is meant for checkpoints, and either probably does not fit one of them or there is something to warn
            of; and ``force`` is not given.
        InvalidInput: there is none of this name, or several; it is broken; or it does not fit one of the checkpoints.
    """
    if name == OWN:
        for checkpoint in checkpoints:
            if why := defect(checkpoint):
                raise InvalidInput(f"The checkpoint's own VAE cannot be used: {why}", "Choose a file")
        return PreferredVae(OWN)
    found = find_vaes(library, name)
    if not found:
        raise InvalidInput(f"There is no VAE called {printable(name)}", "Choose one of the list, or refresh it")
    if len(found) > 1:
        names = " or ".join(sorted(entry.name for entry in found))
        raise InvalidInput(f"Several files are called {printable(name)}", f"Choose {names}")
    vae, held = found[0], vae_traits(found[0])
    if held is None:
        raise InvalidInput(f"{vae.name} cannot be used: {defect(vae)}", "Choose another one")
    misfits = [it for checkpoint in checkpoints if (it := misfit(checkpoint, held))]
    for it in sorted(misfits, key=lambda it: not it.certain):
        if it.certain:
            raise InvalidInput(f"{vae.name} does not fit: {it.why}", "Choose another one")
        if not force:
            raise LikelyMisfit(f"{vae.name} does not fit: {it.why}", CONFIRM)
    if fault := network_fault(held):  # where no checkpoint is given
        raise InvalidInput(f"{vae.name} cannot be used: {fault}", "Choose another one")
    if checkpoints and vae.verdict.warnings and not force:
        raise LikelyMisfit(f"{vae.name}: {vae.verdict.warnings[0].rstrip('.')}", CONFIRM)
    return PreferredVae.of(vae, force=force)
