"""The infotext of a picture that another VAE decoded."""

from __future__ import annotations

import os
from typing import Any

from modules import processing

from ...compare.decoding.candidate import Candidate
from ..guarding.guard import PRECISION
from ..showing.generation import BAKED, WARNING
from ..switching.vae_hash import SHORT, sha256

OF_THE_VAE_IN_USE = frozenset({BAKED, WARNING, PRECISION["decoder"], "VAE Decoder"})
"""Keys that say what decoded the web UI's own picture."""


def infotext_of(p: Any, index: int, vae: Candidate) -> str:
    """That of a picture of the batch, as the web UI would write it if this VAE were in use.

    Args:
        p: the job, as it is while the web UI writes the picture's own infotext.
        index: of the picture in the batch.
        vae: what decodes it.
    """
    digest = sha256(os.fspath(vae.path))
    before = p.sd_vae_name, p.sd_vae_hash, p.extra_generation_params
    p.sd_vae_name, p.sd_vae_hash = vae.name, digest and digest[:SHORT]
    p.extra_generation_params = {key: value for key, value in before[2].items() if key not in OF_THE_VAE_IN_USE}
    try:
        return str(
            processing.create_infotext(
                p, p.prompts, p.seeds, p.subseeds, index=index, all_negative_prompts=p.negative_prompts
            )
        )
    finally:
        p.sd_vae_name, p.sd_vae_hash, p.extra_generation_params = before
