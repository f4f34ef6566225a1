"""The sha256 of VAE files, remembered for the state that a file was in, and never another file's."""

from __future__ import annotations

import contextlib

from modules import cache, sd_models, sd_vae, shared

from ...errors import FileProblem
from ...identity.hashes import sha256_of
from ...library.walk import Stamp, stamp_of
from ...printable import printable
from .loaded_vae import find_loaded_vae

SHORT = 10
"""Digits that the web UI writes into infotexts."""

SUBSECTION = "vaewb-sha256"
"""Of the web UI's cache. Each value is the file's stamp, and digits."""


def sha256(path: str) -> str | None:
    """Of the file as it is now. It is read as a whole, once for each state.

    Returns:
        64 hexadecimal digits; ``None`` if the file cannot be read, or is not known and ``--no-hashing`` is given.
    """
    stamp = stamp_of(path)
    known = _known(path, stamp)
    if known or stamp is None or shared.cmd_opts.no_hashing:
        return known
    try:
        digest = sha256_of(path)
    except FileProblem:
        return None
    if stamp_of(path) == stamp:
        with contextlib.suppress(Exception):  # a cache that cannot be written to, or is locked: hashed again next time
            cache.cache(SUBSECTION)[printable(path)] = (*stamp, digest)
    return digest


def get_loaded_vae_hash() -> str | None:
    """The first digits for the VAE file in use, in place of the web UI's function."""
    path, model = sd_vae.loaded_vae_file, sd_models.model_data.sd_model
    if path is None:
        return None
    loaded = find_loaded_vae(model) if model is not None else None
    if loaded and loaded.origin and loaded.origin.stamp != stamp_of(path):
        known = _known(path, loaded.origin.stamp)  # the file was changed since
        return known and known[:SHORT]
    digest = sha256(path)
    return digest and digest[:SHORT]


def find_by_hash(short: str) -> str | None:
    """The listed VAE file whose sha256 begins so; files that were hashed before are asked first."""
    listed = sorted(sd_vae.vae_dict.values(), key=lambda path: _known(path, stamp_of(path)) is None)
    return next((path for path in listed if short and (sha256(path) or "").startswith(short.lower())), None)


def _known(path: str, stamp: Stamp | None) -> str | None:
    try:
        entry = cache.cache(SUBSECTION).get(printable(path))
    except Exception:  # noqa: BLE001  # the web UI's database, not ours: as if nothing were kept there
        return None
    return str(entry[-1]) if entry and stamp and tuple(entry[:-1]) == stamp else None
