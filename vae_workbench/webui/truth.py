"""What is really in use, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from modules import sd_models

from ..choice.fit import held_vae
from ..errors import WorkbenchError
from . import guard, guard_options, vae_list
from .choosing import advice
from .library import library
from .own_vae import OWN
from .switch import held_in

PRECISIONS = {"float16": "fp16", "bfloat16": "bf16", "float32": "fp32"}


@dataclass(frozen=True)
class Active:
    """The VAE of the model in use.

    Attributes:
        checkpoint: the model's name.
        vae: the file's name in the list; ``None`` for the checkpoint's own.
        known_as: the published name of the weights, if they are known.
        path: the file that holds them: of the VAE, or the checkpoint.
        reason: why it is this one, in a few words.
        precision: ``fp16``, ``fp16 rescaled``, ``bf16`` or ``fp32``, what it decodes in now.
        warnings: sentences on what was overruled or guessed.
        error: a sentence on what was refused since, or an empty string.
        offer: the name that was refused, if a person may have it all the same.
        hint: a sentence on a better VAE in the library; it can be turned off on the page Checkpoints.
    """

    checkpoint: str
    vae: str | None
    known_as: str | None
    path: str
    reason: str
    precision: str
    warnings: tuple[str, ...] = ()
    error: str = ""
    offer: str = ""
    hint: str = ""

    def line(self) -> str:
        """All of it in a line, such as ``orangemix, override for AOM3 · fp16``."""
        name = self.vae or (f"baked: {self.known_as}" if self.known_as else "baked")
        return f"{name} — {self.reason} · {self.precision}"


def active() -> Active | None:
    """What is in use now; ``None`` while there is no model, or its VAE is in doubt. Loads nothing."""
    model = sd_models.model_data.sd_model
    if model is None:
        return None
    held = held_in(model)
    content = held.content
    if content is None:
        return None
    path = content.path or held.checkpoint
    entry = library().entry(path)
    weights = held_vae(entry)
    return Active(
        library().entry(held.checkpoint).name,
        None if content == OWN else vae_list.name_of(path),
        weights.known_as if weights else None,
        path,
        held.reason,
        _precision(model),
        held.warnings,
        held.error,
        held.offer,
        _hint(held.checkpoint) if content == OWN else "",
    )


def _hint(checkpoint: str) -> str:
    try:
        found = advice(checkpoint)
    except WorkbenchError:  # told when the VAE was chosen
        return ""
    return found.text if found else ""


def _precision(model: Any) -> str:
    """What it decodes in: its number format, unless the guard has learned that it needs another."""
    watch = guard.watch_of(model) if guard_options.enabled() else None
    dtype = next(model.first_stage_model.parameters()).dtype
    if watch and dtype == torch.float16:
        return watch.plan.start("decoder").value
    name = str(dtype).removeprefix("torch.")
    return PRECISIONS.get(name, name)
