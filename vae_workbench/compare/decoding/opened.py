"""A VAE as a comparison runs it: in the precision that was chosen or that it needs, whole or in tiles."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...autoencoder.as_written import as_written
from ...autoencoder.autoencoder import Autoencoder, require_rgb
from ...autoencoder.kl import KLAutoencoder
from ...autoencoder.open_file import open_autoencoder
from ...autoencoder.tiled import decode_tiled, encode_tiled, moments_tiled
from ...errors import UnknownArchitecture
from ...identity.unusable import unusable
from ...identity.verdict import Certainty, Verdict
from ...precision.guard.hooks import GuardHooks
from ...precision.guard.report import Report
from ...precision.guard.vae_guard import VaeGuard
from ...precision.memory import is_out_of_memory
from ...precision.plan import Plans
from ...progress import Progress, part
from .candidate import Candidate
from .latent_spaces import told_space
from .settings import NAMES, Settings

# A full-size decoder holds about four maps of 128 channels at full resolution: 2 GB a megapixel in float32.
TILED_ABOVE_PIXELS = 1536 * 1536

KEPT_BYTES = 256 << 20
"""Weights that are kept beside those of the VAE that runs: TAESDs and narrow VAEs, and a full-size one in fp16. A full-size one
in fp32 has 335 MB; reading it again was measured at 0.2 s of one core."""

Half = Literal["encoder", "decoder"]


@dataclass(frozen=True)
class Ran:
    """What came of running a VAE.

    Attributes:
        values: latents or images, on any device and in any floating format.
        precision: that it was computed in, such as ``fp16 rescaled``.
        notes: what a person should know.
        warnings: what went wrong and was repaired.
    """

    values: Tensor
    precision: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class OpenedVae:
    """A VAE in memory.

    Args:
        candidate: which.
        network: of its file.
        settings: how it is run.
        verdict: what is known of it.
        half: that alone was read.
    """

    def __init__(
        self,
        candidate: Candidate,
        network: Autoencoder,
        settings: Settings,
        verdict: Verdict | None = None,
        half: Half | None = None,
    ) -> None:
        self.candidate = candidate
        self.network = network
        self.half = half
        self._reports: list[Report] = []
        self._guard: VaeGuard | None = None
        if settings.is_guarded and isinstance(network, KLAutoencoder):
            identity = settings.identity(verdict, candidate.name, os.fspath(candidate.path))
            hooks = GuardHooks(free_memory=lambda: _free_memory(settings.device), report=self._reports.append)
            self._guard = VaeGuard(network, lambda: identity, settings.plans or Plans(os.devnull), hooks)

    @classmethod
    def open(
        cls, candidate: Candidate, settings: Settings, verdict: Verdict | None = None, half: Half | None = None
    ) -> OpenedVae:
        """Reads a VAE from its file.

        Args:
            candidate: which.
            settings: how it will be run.
            verdict: what is known of it.
            half: of a KL autoencoder, the one that alone is needed.

        Raises:
            FileProblem: the file cannot be read.
            UnknownArchitecture: it holds no VAE that can be run here.
            InvalidInput: it is not for RGB pictures, or cannot be computed in this precision here.
        """

        def read(dtype: torch.dtype) -> Autoencoder:
            return open_autoencoder(candidate.path, half=half, device=settings.device, dtype=dtype)

        try:
            network = read(settings.dtype(verdict))
            if settings.is_guarded and not isinstance(network, KLAutoencoder):
                network = read(torch.float32)  # the guard cannot repair it, and it is small
        except UnknownArchitecture as error:
            raise unusable(candidate.path, candidate.name, error) from error
        require_rgb(network, candidate.name)
        return cls(candidate, network, settings, verdict, half)

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return sum(value.nbytes for value in self.network.state_dict().values())

    def encode(self, images: Tensor, progress: Progress) -> Ran:
        """B×3×H×W in −1..1 to latents, see :meth:`..autoencoder.autoencoder.Autoencoder.encode` for what is raised."""
        network = self.network
        watched = part(progress, 0, 1, "encoding, ")

        def whole(x: Tensor) -> Tensor:
            return network.encode(x, watched)

        def tiled(x: Tensor) -> Tensor:
            return encode_tiled(network, x, progress=watched)

        guard = self._guard
        if guard is None or not isinstance(network, KLAutoencoder) or not network.has_encoder:
            return self._run(whole, tiled, images, images.shape[2] * images.shape[3])
        kl = network
        ran = self._run(
            lambda x: guard.moments(lambda y: kl.moments(y, watched), x),
            lambda x: guard.moments(lambda y: moments_tiled(kl, y, progress=watched), x),
            images,
            images.shape[2] * images.shape[3],
        )
        return Ran(ran.values[:, : kl.latent_channels], ran.precision, ran.notes, ran.warnings)

    def decode(self, latents: Tensor, progress: Progress, *, exactly: bool = False) -> Ran:
        """Latents in the VAE's own units to images in about −1..1.

        Args:
            latents: B×C×h×w.
            progress: told how far it is.
            exactly: on a CPU in fp32, gives the very numbers of the network as it is written in the LDM code base, where memory
                allows. Elsewhere rounding makes more of a difference.
        """
        network, guard = self.network, self._guard
        plain = exactly and network.device.type == "cpu" and network.dtype == torch.float32
        watched = part(progress, 0, 1, "decoding, ")

        def whole(x: Tensor) -> Tensor:
            with as_written(network, x) if plain else nullcontext():
                return network.decode(x, watched)

        def tiled(x: Tensor) -> Tensor:
            return decode_tiled(network, x, device=x.device, progress=watched)

        pixels = latents.shape[2] * latents.shape[3] * network.downscale**2
        if guard is None or not network.has_decoder:
            return self._run(whole, tiled, latents, pixels)
        return self._run(lambda x: guard.decode(whole, x), lambda x: guard.decode(tiled, x), latents, pixels)

    def _run(
        self, whole: Callable[[Tensor], Tensor], tiled: Callable[[Tensor], Tensor], values: Tensor, pixels: int
    ) -> Ran:
        """Runs it at once, or in tiles where the picture is large or memory runs out, and says so."""
        self._reports.clear()
        values = values.to(self.network.device)
        with torch.inference_mode():
            if pixels <= TILED_ABOVE_PIXELS:
                try:
                    return self._told(whole(values))
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    reason = "memory ran out"
            else:
                reason = "the picture is large"
            return self._told(tiled(values), f"Run in tiles: {reason}.")

    def _told(self, values: Tensor, *notes: str) -> Ran:
        precision = self._reports[-1].precision if self._reports else NAMES[self.network.dtype]
        warnings = tuple(_repair(report) for report in self._reports if report.repaired)
        return Ran(values, precision, notes, warnings)


class OpenedVaes:
    """VAEs that are kept in memory: the one that runs, and others as far as they are small.

    Args:
        settings: how they are run.
        decoders_only: whether nothing but decoders is needed, as a rule.
        limit: bytes of weights beside those of the one that runs.
    """

    def __init__(self, settings: Settings, decoders_only: bool = False, limit: int = KEPT_BYTES) -> None:
        self._settings = settings
        self._decoders_only = decoders_only
        self._limit = limit
        self._kept: OrderedDict[str, OpenedVae] = OrderedDict()

    def get(self, candidate: Candidate, verdict: Verdict | None = None, *, whole: bool = False) -> OpenedVae:
        """A VAE; see :meth:`OpenedVae.open` for what is raised.

        Args:
            candidate: which.
            verdict: what is known of it. Where that does not tell its latent space, its encoder will.
            whole: whether its encoder is needed in any case.
        """
        path = os.fspath(candidate.path)
        whole = whole or not self._decoders_only or told_space(verdict).certainty < Certainty.LIKELY
        if path in self._kept and whole and self._kept[path].half:
            del self._kept[path]
        if path not in self._kept:
            self._make_room()
            self._kept[path] = OpenedVae.open(candidate, self._settings, verdict, None if whole else "decoder")
        self._kept.move_to_end(path)
        return self._kept[path]

    def keep(self, vae: OpenedVae) -> None:
        """Takes one that is in memory already, so that its file is not read: there may be none."""
        self._kept[os.fspath(vae.candidate.path)] = vae

    def close(self) -> None:
        """Gives back all memory."""
        self._kept.clear()
        _free_memory(self._settings.device)

    def size_of(self, candidate: Candidate) -> int:
        """Bytes of a VAE's weights that are in memory already."""
        kept = self._kept.get(os.fspath(candidate.path))
        return kept.size if kept else 0

    def _make_room(self) -> None:
        """Before another is read, so that both are never in memory."""
        while sum(vae.size for vae in self._kept.values()) > self._limit:
            self._kept.popitem(last=False)


def _repair(report: Report) -> str:
    """A repaired result in one sentence."""
    faults = {attempt.precision: attempt.fault for attempt in report.attempts}
    did = {"overflow": "overflowed in", "memory": "ran out of memory in", "unable": "could not be run in"}
    tried = ", ".join(f"{did[fault]} {precision}" for precision, fault in faults.items())
    return f"The {report.half} {tried}: repaired in {report.precision}."


def _free_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
