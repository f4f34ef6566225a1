"""A VAE under guard, for the tests of the guard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.host_vaes import LdmVae
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.precision.guard.hooks import GuardHooks, Identity, Rungs
from vae_workbench.precision.guard.report import Report
from vae_workbench.precision.guard.vae_guard import VaeGuard
from vae_workbench.precision.plan import Plans
from vae_workbench.precision.structure import Half

LATENTS = 8 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1


class NansFound(Exception):
    """What an extension that decodes in tiles raises."""


class Bench:
    """A VAE in fp16 under guard, and what it should give."""

    def __init__(
        self, folder: Path, tensors: dict[str, Tensor], vae: torch.nn.Module | None = None, **rungs: bool
    ) -> None:
        self.tensors = tensors
        self.vae: Any = vae or LdmVae(tensors)
        self.path = folder / "vae.safetensors"
        save_file(tensors, self.path)
        self.plans = Plans(folder / "plans.json")
        self.reports: list[Report] = []
        self.hooks = GuardHooks(lambda: Rungs(**rungs), retry_on=(NansFound,), report=self.reports.append)
        self.identity = Identity("bad.vae", str(self.path), "sketch")
        self.vae_guard = VaeGuard(self.vae, lambda: self.identity, self.plans, self.hooks)

    def run(self, half: Half, x: Tensor | None = None) -> Tensor:
        """The picture, or mean and log-variance of the posterior."""
        if half == "decoder":
            return self.vae_guard.decode(self.vae.decode, (LATENTS if x is None else x).half())
        return self.vae_guard.encode(self.vae.encode, (IMAGES if x is None else x).half()).parameters

    def error(self, half: Half, result: Tensor, x: Tensor | None = None) -> float:
        """‖result − fp32‖ / ‖fp32‖."""
        network = load_autoencoder(self.tensors)
        with torch.no_grad():
            exact = (
                network.decode(LATENTS if x is None else x)
                if half == "decoder"
                else network.moments(IMAGES if x is None else x)
            )
        return float((result.float() - exact).norm() / exact.norm())

    @property
    def precisions(self) -> list[str]:
        return [report.precision for report in self.reports]
