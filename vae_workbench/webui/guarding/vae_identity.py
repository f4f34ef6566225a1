"""Which VAE the network of a model holds, as the guard needs to know it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import ReferenceType

from ...choice.fit import vae_traits
from ...precision.guard.hooks import Identity
from ...printable import printable
from ..library import library
from ..log import logger
from ..patching import described
from ..switching.loaded_vae import find_loaded_vae

NOBODY = Identity("of a model that is gone")


def identity_of(model: ReferenceType[Any]) -> Identity:
    """The VAE in a model, by the file that the web UI says it has; the guard itself checks its weights against that file."""
    loaded = model()
    if loaded is None:
        return NOBODY
    held = find_loaded_vae(loaded)
    if held and held.origin and held.origin.trial:
        return Identity(held.origin.trial.label)  # of no file, and new: nothing is remembered of it
    checkpoint = str(loaded.sd_checkpoint_info.filename)
    external = getattr(loaded, "loaded_vae_file", None)
    path = str(external or checkpoint)
    name = printable(Path(path).name if external else f"of {Path(path).name}")
    try:
        vae = vae_traits(library().entry(path))
    except Exception as error:  # noqa: BLE001  # what was learned of it is not used, and pictures are made all the same
        logger.warning("It cannot be told which VAE %s is (%s).", name, described(error))
        vae = None
    return Identity(name, path, vae.sketch_id, vae.known_as) if vae else Identity(name, path)
