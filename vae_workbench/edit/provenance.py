"""What is written into the metadata of a new file: what it is, what was done, and from what.

Keys that begin with ``modelspec.`` are those of https://github.com/Stability-AI/ModelSpec.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ..identity.verdict import Certainty
from ..weights.writer import HASH
from .state import State

HISTORY = "vae_workbench.history"
"""A JSON list: ``{"from": …}`` for the file that a recipe began with, then one object for each step, oldest first."""

FORMAT = {"format": "pt"}
"""transformers refuses files without it."""

STALE = ("modelspec.hash_sha256", "modelspec.thumbnail", "sshs_model_hash", "sshs_legacy_hash")
"""What is no longer right once the tensors are others: hashes, and a picture made with the old ones."""

ARCHITECTURES = {
    "sd1": "stable-diffusion-v1/vae",
    "sdxl": "stable-diffusion-xl-v1-base/vae",
    "sd3": "stable-diffusion-v3/vae",
    "flux1": "flux-1/vae",
    "flux2": "flux-2/vae",
}
"""By latent space."""

FORM = ("names", "dtype", "repair")
"""Steps after which it is still the same VAE, and keeps its title."""

LONGEST_KEPT = 64 << 10
"""Characters of a value that a torch file kept beside its weights."""


def metadata_of(state: State, target: Path) -> dict[str, str]:
    """The metadata of a file that is made by a recipe.

    The architecture is told only where it is certain: it is what other programs, and this one, believe.
    """
    kept = {key: value for key, value in state.metadata.items() if key not in STALE and len(value) <= LONGEST_KEPT}
    told = {**kept, **FORMAT, HASH: "0x" + "0" * 64, HISTORY: json.dumps(_history(state), ensure_ascii=False)}
    told.setdefault("modelspec.sai_model_spec", "1.0.0")
    if state.done:
        told["modelspec.title"] = _title(state, target)
    if architecture := _architecture(state):
        told["modelspec.architecture"] = architecture
    return told


def _title(state: State, target: Path) -> str:
    kept = state.metadata.get("modelspec.title")
    only_form = all(done.get("step") in FORM for done in state.done)
    return kept if kept and only_form else target.name.removesuffix(".safetensors")


def _history(state: State) -> list[Mapping[str, object]]:
    try:
        before = json.loads(state.metadata.get(HISTORY, "[]"))
    except ValueError:
        before = []
    begun: dict[str, object] = {"from": state.name}
    if old := state.metadata.get(HASH):
        begun["sha256"] = old
    if state.verdict and state.verdict.sketch_id:
        begun["sketch"] = state.verdict.sketch_id
    return [*(before if isinstance(before, list) else []), begun, *state.done]


def _architecture(state: State) -> str | None:
    verdict = state.verdict
    if state.checkpoint or verdict is None or verdict.certainty < Certainty.CERTAIN:
        return None
    whole = state.canonical.keys() >= {"encoder.conv_in.weight", "decoder.conv_out.weight"}
    return ARCHITECTURES.get(verdict.latent_space or "") if whole else None
