"""Which VAE the network of a model holds, as the guard needs to know it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import ReferenceType

from ..choice.fit import held_vae
from ..precision.surroundings import Identity
from .library import library

NOBODY = Identity("of a model that is gone")


def identity_of(model: ReferenceType[Any]) -> Identity:
    """The VAE in a model, by the file that the web UI says it has; the guard itself checks its weights against that file."""
    loaded = model()
    if loaded is None:
        return NOBODY
    checkpoint = str(loaded.sd_checkpoint_info.filename)
    external = getattr(loaded, "loaded_vae_file", None)
    path = str(external or checkpoint)
    held = held_vae(library().entry(path))
    name = Path(path).name if external else f"of {Path(path).name}"
    return Identity(name, path, held.sketch_id, held.known_as) if held else Identity(name, path)
