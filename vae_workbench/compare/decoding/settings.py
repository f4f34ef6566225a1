"""How the VAEs of a comparison are run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch

from ...autoencoder.latent_space import LatentSpace
from ...identity.verdict import Verdict
from ...precision.guard.hooks import Identity
from ...precision.plan import Plan, Plans, first_plan
from ...precision.plan import Precision as Start

Precision = Literal["auto", "fp32", "bf16", "fp16"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

NAMES = {dtype: name for name, dtype in DTYPES.items()}

STARTS = {
    Start.FP16: torch.float16,
    Start.RESCALED: torch.float16,
    Start.BF16: torch.bfloat16,
    Start.FP32: torch.float32,
}
"""What a VAE's plan is begun with."""


@dataclass(frozen=True)
class Settings:
    """How all VAEs of a comparison are run.

    Attributes:
        device: where the networks run.
        precision: in which they run, a key of :data:`DTYPES`. ``auto``: fp32 on a CPU; elsewhere what each VAE is known to need,
            fp16 to begin with, as where pictures are made, and under the same guard.
        latent_space: of the latents that the shared encoder makes, and of those that a source brought without telling; by
            default what that VAE is identified as tells it.
        plans: what is known of the needs of each VAE; ``None``: nothing is remembered.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "auto"
    latent_space: LatentSpace | None = None
    plans: Plans | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether what overflows is repaired."""
        return self.precision == "auto" and self.device.type != "cpu"

    @property
    def key(self) -> str:
        """The same for settings that give the same pictures, as far as precision goes."""
        return "fp32" if self.precision == "auto" and not self.is_guarded else self.precision

    def dtype(self, verdict: Verdict | None = None) -> torch.dtype:
        """In which a VAE begins, with what is known of it."""
        if self.is_guarded:
            return STARTS[self._plan(verdict).start("decoder")]
        return DTYPES[self.key]

    def identity(self, verdict: Verdict | None, name: str, path: str) -> Identity:
        """By which the guard remembers a VAE; without plans it remembers nothing."""
        known = (verdict.baked or verdict) if verdict else None
        sketch_id = known.sketch_id if known and self.plans else None
        return Identity(name, path, sketch_id, known.known_as if known else None)

    def _plan(self, verdict: Verdict | None) -> Plan:
        identity = self.identity(verdict, "", "")
        if self.plans is None or identity.sketch_id is None:
            return first_plan(identity.known_as)
        return self.plans.of(identity.sketch_id, identity.known_as)


def fp16_warning(device: torch.device, precision: Precision) -> str | None:
    """What to say before fp16 is run on a CPU; ``None`` otherwise."""
    if precision != "fp16" or device.type != "cpu":
        return None
    return "fp16 takes some ten times as long as fp32 on a CPU. Choose auto or fp32, unless you want to see what fp16 does."
