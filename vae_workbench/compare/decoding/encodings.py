"""The latents that a comparison's VAEs decode: those that sources bring, and those that one VAE makes for others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...errors import Cancelled, WorkbenchError
from ...identity.verdict import Certainty, Verdict
from ...progress import Progress, part
from ..folder.folder import ComparisonFolder, VaeRecord
from ..sources.sources import Source, SourceLatents, kept_latents, save_latents
from .candidate import Candidate
from .comparison import shared_latents
from .latent_spaces import KnownSpace, encoder_for, identified, told_space
from .latents import Latents, brought
from .opened import OpenedVaes
from .settings import Settings
from .vae_record import vae_record


@dataclass(frozen=True)
class Task:
    """A cell that is to be decoded."""

    source: Source
    vae: VaeRecord
    candidate: Candidate


class Encodings:
    """Which VAE encodes for which cell, and what it made.

    Args:
        folder: keeps what was encoded for several VAEs, for the next run too.
        tasks: all cells that are to be decoded.
        encoder: the VAE that encodes for all; ``None``: each its own.
        settings: how VAEs are run.
        verdicts: what is known of the VAEs, by path; more is added as it is learned.
        opened: those that are open.
    """

    def __init__(
        self,
        folder: ComparisonFolder,
        tasks: Sequence[Task],
        encoder: Candidate | None,
        settings: Settings,
        verdicts: dict[str, Verdict],
        opened: OpenedVaes,
    ) -> None:
        self._folder, self._tasks, self._encoder, self._settings = folder, tasks, encoder, settings
        self._verdicts, self._opened = verdicts, opened
        self._made: dict[tuple[str, str], Latents | WorkbenchError] = {}

    def encoder_of(self, task: Task) -> Candidate | None:
        """The VAE that encodes for another one: for all, or for one that cannot itself."""
        if task.source.latents is not None:
            return None
        return self._encoder or encoder_for(task.candidate, self._others, self._verdicts)

    @cached_property
    def _others(self) -> list[Candidate]:
        """All VAEs of the folder, those too of which every cell is done."""
        tasks = {task.vae.id: task.candidate for task in self._tasks}
        chosen = [tasks.get(vae.id) or Candidate(vae.name, vae.path or "") for vae in self._folder.vaes.values()]
        unknown = [candidate for candidate in chosen if os.fspath(candidate.path) not in self._verdicts]
        for path, verdict in identified(unknown).items():
            self._verdicts.setdefault(path, verdict)
        return chosen

    def latents(self, task: Task, encoder: Candidate | None, progress: Progress) -> Latents | WorkbenchError | None:
        """Those that the source brought, or that another VAE makes, or why there are none; ``None``: the VAE makes its own.

        For all but the first source at once, so that the encoder is read twice at the most.
        """
        source = task.source
        if source.latents is not None:
            return brought(source.latents, self._settings.latent_space)
        if encoder is None:
            return None
        maker = os.fspath(encoder.path)
        key = (source.record.id, maker)
        if key not in self._made:
            wanted = {(other.source.record.id, maker): other.source for other in self._encoded_by(encoder)}
            chosen = {key: source}
            if any(made_by == maker for _, made_by in self._made):
                chosen |= {one: other for one, other in wanted.items() if one not in self._made}
            for number, (one, other) in enumerate(chosen.items()):
                watched = part(progress, number / len(chosen), (number + 1) / len(chosen))
                self._made[one] = self._encoded_or_error(other, encoder, watched)
        latents = self._made[key]
        if encoder is self._encoder or isinstance(latents, WorkbenchError):
            return latents
        return replace(latents, notes=(*latents.notes, f"Encoded by {encoder.name}: this VAE has no encoder."))

    def _encoded_by(self, encoder: Candidate) -> list[Task]:
        return [task for task in self._tasks if self.encoder_of(task) == encoder]

    def _encoded_or_error(self, source: Source, encoder: Candidate, progress: Progress) -> Latents | WorkbenchError:
        """What a VAE makes of a picture, or why it does not. A picture that cannot be read is no fault of the encoder."""
        assert source.picture is not None
        try:
            _ = source.picture.pixels
        except WorkbenchError as error:
            return error
        try:
            return self._encoded(source, encoder, progress)
        except Cancelled:
            raise
        except WorkbenchError as error:
            if encoder is self._encoder:
                raise
            return error

    def _encoded(self, source: Source, encoder: Candidate, progress: Progress) -> Latents:
        """What a VAE makes of a picture, or made of it before."""
        settings = self._settings
        assert source.picture is not None
        name = f"latent-{source.record.id}-{vae_record(encoder).id}-{settings.key}.safetensors"
        space = told_space(self._verdicts.get(os.fspath(encoder.path)))
        if settings.latent_space:
            space = KnownSpace(settings.latent_space, Certainty.CERTAIN, "It was named.")
        kept = kept_latents(self._folder, name) if space.certainty >= Certainty.LIKELY else None
        if kept:
            return Latents(kept.values, kept.are_scaled, kept.downscale, space, encoder)
        made = shared_latents(source.picture, encoder, self._verdicts, settings, progress, self._opened)
        if not made.notes and not made.warnings:  # which would be lost
            values = made.values.detach().float().cpu().contiguous()
            save_latents(self._folder, name, SourceLatents(values, made.are_scaled, made.space.space, made.downscale))
        return made
