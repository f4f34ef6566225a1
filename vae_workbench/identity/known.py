"""VAEs that are known by name, from the table ``known_vaes.json``.

Each row has the fields of :class:`KnownVae` and ``sources``, where its facts were seen. Rows whose sha256 was seen together
with their name (``trust`` is ``seen``) identify a file; the others only know file names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from ..lazy_dataclass import dataclass

TABLE = Path(__file__).with_name("known_vaes.json")

LATENT_SPACES = {"SD1/SD2": "sd1", "SDXL": "sdxl", "SD3": "sd3", "Flux.1": "flux1", "Flux.2": "flux2"}
"""The table's families and the latent spaces known here."""


@dataclass(frozen=True)
class KnownVae:
    """A published VAE.

    Attributes:
        name: what people call it.
        family: as the table says, for people.
        latent_space: a key of :data:`..autoencoder.latent_space.LATENT_SPACES`, or ``None``.
        sha256: of the file, in lower case; ``None`` if it was not seen.
        file_names: names that the file goes by.
        look: a few words on its pictures, or ``None``.
        toolkit_metric: its "VAE metric" in model-toolkit, or ``None``.
    """

    name: str
    family: str
    latent_space: str | None
    sha256: str | None
    file_names: tuple[str, ...]
    look: str | None
    toolkit_metric: int | None


@lru_cache(maxsize=1)
def known_vaes() -> tuple[KnownVae, ...]:
    """All rows of the table."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["rows"]
    return tuple(
        KnownVae(
            name=row["name"],
            family=row["family"],
            latent_space=LATENT_SPACES.get(row["family"]),
            sha256=row.get("sha256") if row["trust"] == "seen" else None,
            file_names=tuple(row["file_names"]),
            look=row.get("look"),
            toolkit_metric=row.get("toolkit_metric"),
        )
        for row in rows
    )


def by_sha256(digest: str) -> KnownVae | None:
    """The VAE whose file has this sha256, in hexadecimal."""
    return _by_sha256().get(digest.lower())


def space_of_file_name(name: str) -> str | None:
    """The latent space of the VAEs that go by this file name, if they agree."""
    return _spaces_by_file_name().get(name.lower())


@lru_cache(maxsize=1)
def _by_sha256() -> Mapping[str, KnownVae]:
    return {vae.sha256: vae for vae in known_vaes() if vae.sha256}


@lru_cache(maxsize=1)
def _spaces_by_file_name() -> Mapping[str, str]:
    spaces: dict[str, set[str | None]] = {}
    for vae in known_vaes():
        for name in vae.file_names:
            spaces.setdefault(name.rpartition("/")[2].lower(), set()).add(vae.latent_space)
    agreed = {name: next(iter(found)) for name, found in spaces.items() if len(found) == 1}
    return {name: space for name, space in agreed.items() if space}
