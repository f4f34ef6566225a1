"""The newest pictures that a diffusion model made, with the latents that they were decoded from: other VAEs decode the same."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import field

from PIL import Image
from torch import Tensor

from ...autoencoder.latent_space import LatentSpace
from ...lazy_dataclass import dataclass

ID_BYTES = 6


def _new_id() -> str:
    return secrets.token_hex(ID_BYTES)


@dataclass(frozen=True, eq=False)
class Generation:
    """A picture that was made, and what it was made of.

    Attributes:
        latents: 1×C×h×w float in main memory, scaled, as the sampler gave them.
        space: their latent space, if it is known.
        picture: what was made of them in the end; ``None`` if nobody looked at it.
        infotext: how it was made, as the web UI writes it into pictures.
        made_by: the name of the VAE that decoded them.
        made_by_path: the file of that VAE, or the checkpoint that holds it; empty if there is none.
        checkpoint: the name of the model that decoded them, the refiner's after a refiner.
        name: for people.
        notes: sentences on why the picture is not just what the VAE decoded.
        created: when, in seconds since 1970.
        id: 12 hexadecimal digits.
    """

    latents: Tensor
    space: LatentSpace | None = None
    picture: Image.Image | None = None
    infotext: str = ""
    made_by: str = ""
    made_by_path: str = ""
    checkpoint: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()
    created: float = field(default_factory=time.time)
    id: str = field(default_factory=_new_id)

    @property
    def size_in_bytes(self) -> int:
        """The main memory that it takes."""
        width, height = self.picture.size if self.picture else (0, 0)
        bands = len(self.picture.getbands()) if self.picture else 0
        return self.latents.numel() * self.latents.element_size() + width * height * bands


class KeptGenerations:
    """The newest generations, as many as the memory given to them holds. Any thread may ask and add.

    Args:
        limit_bytes: of main memory; 0 keeps none.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Generation] = OrderedDict()

    def add(self, generation: Generation) -> None:
        """Keeps one more; the oldest go where there is no room. One that is larger than all of the room is not kept."""
        with self._lock:
            if generation.size_in_bytes <= self._limit:
                self._kept[generation.id] = generation
            self._make_room()

    def newest(self) -> list[Generation]:
        """All that are kept, the newest first."""
        with self._lock:
            return list(reversed(self._kept.values()))

    def get(self, generation_id: str) -> Generation | None:
        """One by its id; ``None`` if it is not kept, or not any more."""
        with self._lock:
            return self._kept.get(generation_id)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._kept.clear()

    def set_limit(self, limit_bytes: int) -> None:
        """Gives them more or less memory."""
        with self._lock:
            self._limit = limit_bytes
            self._make_room()

    def _make_room(self) -> None:
        while sum(kept.size_in_bytes for kept in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)
