"""The sha256 of VAE files, remembered for the state that a file was in, and never another file's."""

from __future__ import annotations

from modules import cache, sd_models, sd_vae, shared

from ..errors import FileProblem
from ..identity.identify import sha256_of
from .own_vae import held_by
from .vae_weights import Stamp, stamp_of

SHORT = 10
"""Digits that the web UI writes into infotexts."""

SUBSECTION = "vaewb-sha256"
"""Of the web UI's cache. Each value is size, time of change, and digits."""


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
        cache.cache(SUBSECTION)[path] = (*stamp, digest)
    return digest


def get_loaded_vae_hash() -> str | None:
    """The first digits for the VAE file in use, in place of the web UI's function."""
    path, model = sd_vae.loaded_vae_file, sd_models.model_data.sd_model
    if path is None:
        return None
    held = held_by(model) if model is not None else None
    if held and held.content and held.content.stamp != stamp_of(path):
        known = _known(path, held.content.stamp)  # the file was changed since
        return known and known[:SHORT]
    digest = sha256(path)
    return digest and digest[:SHORT]


def find_by_hash(short: str) -> str | None:
    """The listed VAE file whose sha256 begins so; files that were hashed before are asked first."""
    listed = sorted(sd_vae.vae_dict.values(), key=lambda path: _known(path, stamp_of(path)) is None)
    return next((path for path in listed if short and (sha256(path) or "").startswith(short.lower())), None)


def _known(path: str, stamp: Stamp | None) -> str | None:
    entry = cache.cache(SUBSECTION).get(path)
    return str(entry[2]) if entry and stamp and tuple(entry[:2]) == stamp else None
