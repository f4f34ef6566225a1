"""What is really in use, and why."""

from __future__ import annotations

from typing import Any

from modules import sd_models

from ...choice.fit import vae_traits
from ...errors import WorkbenchError
from ...lazy_dataclass import dataclass
from ...precision.guard.vae_guard import NAMES
from ...precision.structure import Half
from ..choosing import vae_list
from ..choosing.choose import advice
from ..guarding import guard
from ..guarding import options as guard_options
from ..library import library
from ..switching.loaded_vae import BAKED_ORIGIN
from ..switching.switch import loaded_vae

IN_DOUBT = "What its VAE network holds is not known. Choose a VAE."


@dataclass(frozen=True)
class Active:
    """The VAE of the model in use.

    Attributes:
        checkpoint: the model's name.
        vae: the file's name in the list, or what is tried on; ``None`` for the checkpoint's own, and where there is none.
        known_as: the published name of the weights, if they are known.
        path: the file that holds them: of the VAE, or the checkpoint; empty for what is tried on.
        reason: why it is this one, in a few words.
        decoder_precision: ``fp16``, ``fp16 rescaled``, ``bf16`` or ``fp32``, what the next picture is decoded in.
        encoder_precision: the same for encoding.
        warnings: sentences on what was overruled or guessed.
        error: a sentence on what was refused since, or on why there is none; or an empty string.
        offer: the name that was refused, if a person may have it all the same.
        hint: a sentence on a better VAE in the library; it can be turned off on the page Checkpoints.
        tried_on: the name of what is tried on, which is in no file; empty if it is a file that is used.
        usable: whether there is one. If not, no VAE could be used, and what the network holds is nobody's.
    """

    checkpoint: str
    vae: str | None
    known_as: str | None
    path: str
    reason: str
    decoder_precision: str
    encoder_precision: str
    warnings: tuple[str, ...] = ()
    error: str = ""
    offer: str = ""
    hint: str = ""
    tried_on: str = ""
    usable: bool = True

    @property
    def precision(self) -> str:
        """That of the decoder; that of the encoder too where it is another."""
        same = self.encoder_precision == self.decoder_precision
        return self.decoder_precision if same else f"{self.decoder_precision}, encoder {self.encoder_precision}"

    def line(self) -> str:
        """All of it in a line, such as ``orangemix — override for AOM3 · fp16``."""
        if not self.usable:
            return f"no VAE for {self.checkpoint}"
        if self.tried_on:
            return f"Trying on: {self.tried_on} (not saved) · {self.precision}"
        return f"{self.name()} — {self.reason} · {self.precision}"

    def name(self) -> str:
        """What it is called, in a word or two."""
        if not self.usable:
            return "no VAE"
        return self.tried_on or self.vae or (f"baked: {self.known_as}" if self.known_as else "baked")


def active() -> Active | None:
    """What is in use now; ``None`` while there is no model. Loads nothing."""
    model = sd_models.model_data.sd_model
    if model is None:
        return None
    loaded = loaded_vae(model)
    origin, baked = loaded.origin, loaded.origin == BAKED_ORIGIN
    trial = origin.trial if origin else None
    path = "" if trial else (origin and origin.path) or loaded.checkpoint
    weights = vae_traits(library().entry(path)) if origin and not trial else None
    return Active(
        checkpoint=library().entry(loaded.checkpoint).name,
        vae=trial.label if trial else vae_list.name_of(path) if origin and not baked else None,
        known_as=weights.known_as if weights else None,
        path=path,
        reason=loaded.reason,
        decoder_precision=_precision(model, "decoder"),
        encoder_precision=_precision(model, "encoder"),
        warnings=loaded.warnings,
        error=loaded.error or ("" if origin else IN_DOUBT),
        offer=loaded.offer,
        hint=_hint(loaded.checkpoint) if baked else "",
        tried_on=trial.name if trial else "",
        usable=origin is not None,
    )


def _hint(checkpoint: str) -> str:
    try:
        found = advice(checkpoint)
    except WorkbenchError:  # told when the VAE was chosen
        return ""
    return found.text if found else ""


def _precision(model: Any, half: Half) -> str:
    """What the next result is computed in: the network's number format, unless the guard knows that it needs another."""
    vae_guard = guard.guard_of(model) if guard_options.enabled() else None
    if vae_guard:
        return vae_guard.starts_in(half)
    dtype = next(model.first_stage_model.parameters()).dtype
    return NAMES.get(dtype, str(dtype).removeprefix("torch."))
