"""Files of a library as a scan would have found them, made of their verdicts alone."""

from __future__ import annotations

from typing import Any

from vae_workbench.identity.relatives.references import References
from vae_workbench.identity.verdict import Baked, BakedState, Certainty, Verdict
from vae_workbench.library.collection import Collection
from vae_workbench.library.entry import Entry

MODELS, VAES = "/models/Stable-diffusion", "/models/VAE"
C = Certainty


def vae(
    name: str,
    space: str | None = "sd1",
    certainty: Certainty = C.CERTAIN,
    *,
    folder: str = VAES,
    architecture: str | None = "kl-f8",
    sketch_id: str | None = None,
    known_as: str | None = None,
    dtype: str = "fp32",
    widths: tuple[int, ...] = (),
    **told: Any,
) -> Entry:
    """A VAE file. Its sketch is named after it, unless another is given. More of its verdict goes into ``told``."""
    path = f"{folder}/{name}"
    verdict = Verdict(
        path,
        "vae",
        certainty if space else C.UNKNOWN,
        (),
        architecture=architecture,
        latent_space=space,
        sketch_id=sketch_id or f"sketch of {name}",
        known_as=known_as,
        dtype=dtype,
        widths=widths,
        **told,
    )
    return Entry(name, path, 1, 1, f"content of {name}", verdict)


def broken(name: str, folder: str = VAES, error: str = "3 tensors are missing.") -> Entry:
    """A VAE that cannot be used."""
    path = f"{folder}/{name}"
    verdict = Verdict(path, "broken", C.CERTAIN, (), architecture="kl-f8", error=error)
    return Entry(name, path, 1, 1, f"content of {name}", verdict)


def checkpoint(
    name: str = "AOM3.safetensors",
    space: str | None = "sd1",
    baked: BakedState = "complete",
    *,
    folder: str = MODELS,
    architecture: str | None = "kl-f8",
    known_as: str | None = None,
    fingerprint: str | None = None,
    widths: tuple[int, ...] = (),
    shapes_id: str | None = None,
    latent_channels: int | None = None,
) -> Entry:
    """A checkpoint. Its content is named after it, unless another is given."""
    path = f"{folder}/{name}"
    held = Baked(
        baked,
        known_as,
        f"sketch in {name}" if baked == "complete" else None,
        architecture if baked == "complete" else None,
        widths,
        shapes_id=shapes_id,
    )
    verdict = Verdict(
        path,
        "checkpoint",
        C.CERTAIN if space else C.UNKNOWN,
        (),
        latent_space=space,
        baked=held,
        latent_channels=latent_channels,
    )
    return Entry(name, path, 1, 1, fingerprint or f"content of {name}", verdict)


def library(*entries: Entry) -> Collection:
    """A library of these files."""
    return Collection(entries, {}, References())
