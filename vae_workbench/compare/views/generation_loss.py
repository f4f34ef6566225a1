"""What is lost when a picture is encoded and decoded again and again, as when it goes through img2img many times.

Between rounds the picture is rounded to 8 bits, as it is when it is saved as a PNG and opened again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image

from ...errors import Cancelled, InvalidInput, NotFinite, sentence_of
from ...identity.verdict import Certainty, Verdict
from ...progress import Progress, part, silent
from ..decoding.candidate import Candidate
from ..decoding.cells import Source, rounded, vae_record
from ..decoding.latent_spaces import KnownSpace, identified, mismatch, space_of
from ..decoding.latents import encoded
from ..decoding.opened import OpenedVae, OpenedVaes
from ..decoding.settings import Settings
from ..decoding.units import converted
from ..folder.comparison_json import View
from ..folder.folder import ComparisonFolder
from ..measuring.flip import flip
from ..measuring.measures import fidelity
from ..sources.picture import Picture, as_image, load_picture, to_pil

MOST_ROUNDS = 20

KEPT_BYTES = 512 << 20
"""Weights that are kept beside those of the VAE that is read next: a full-size one in fp32, so that there are two."""

Pair = tuple[Candidate, Candidate]
"""Encoder and decoder."""

Verdicts = Mapping[str, Verdict]
"""What each file is, by its path."""


@dataclass(frozen=True)
class Round:
    """What is left after ``number`` times of encoding and decoding.

    Attributes:
        number: from 1 on.
        picture: what is left, RGB in 8 bits.
        psnr: in dB against the source; ``None`` where nothing is lost.
        delta_e: mean ΔE2000 against the source.
        flip: mean ꟻLIP against the source.
    """

    number: int
    picture: Image.Image
    psnr: float | None
    delta_e: float
    flip: float


def loss(
    picture: Picture,
    encoder: Candidate,
    decoder: Candidate,
    rounds: int,
    settings: Settings | None = None,
    progress: Progress = silent,
    each: Callable[[Round], None] = lambda _: None,
    *,
    opened: OpenedVaes | None = None,
    verdicts: Verdicts | None = None,
    done: int = 0,
    last: Picture | None = None,
) -> list[Round]:
    """Encodes and decodes until there were ``rounds`` rounds, each time what was left.

    Args:
        picture: what all rounds are measured against.
        encoder, decoder: of one latent space.
        rounds: 1 to :data:`MOST_ROUNDS`.
        settings: how they are run.
        progress: told how far it is.
        each: gets every round when it is ready.
        opened: VAEs that are in memory.
        verdicts: what is known of both.
        done: rounds that were made before.
        last: what the last of those left.

    Raises:
        InvalidInput: another number of rounds, or VAEs of different latent spaces.
        NotFinite: the pair makes numbers of which no picture can be made.
        WorkbenchError: a VAE cannot be used.
        Cancelled: passed on from ``progress``.
    """
    check_rounds(rounds)
    settings = settings or Settings()
    known = verdicts if verdicts is not None else identified([encoder, decoder])
    pair = _Pair.opened(encoder, decoder, known, settings, opened or OpenedVaes(settings, limit=KEPT_BYTES), progress)
    original, left, made = as_image(picture.pixels), last or picture, []
    for number in range(done + 1, rounds + 1):
        start = (number - done - 1) / (rounds - done)
        watched = part(progress, start, start + 1 / (rounds - done), f"round {number} of {rounds}: ")
        left = pair.once(left, number, watched)
        image = as_image(left.pixels)
        close = fidelity(original, image)
        made.append(Round(number, to_pil(image), close.psnr, close.delta_e, flip(original, image)))
        each(made[-1])
    return made


def check_rounds(rounds: int) -> None:
    """Raises:
    InvalidInput: that is no number of rounds.
    """
    if not 1 <= rounds <= MOST_ROUNDS:
        raise InvalidInput(f"{rounds} is no number of rounds", f"Choose 1 to {MOST_ROUNDS}")


def add_losses(
    folder: ComparisonFolder,
    sources: Sequence[Source],
    pairs: Sequence[Pair],
    rounds: int,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> None:
    """Puts the generation loss of every source that has a picture, by every pair of encoder and decoder, into a folder.

    Rounds are kept as they are ready; those that are there of the same settings are not made again, and more of them go on from
    the last. A pair that fails gets an ``error``, and the others go on.

    Raises:
        InvalidInput: that is no number of rounds.
        UnwritableTarget: the folder cannot be written.
        Cancelled: passed on from ``progress``; the rounds made until then are kept.
    """
    check_rounds(rounds)
    settings = settings or Settings()
    shown = [source for source in sources if source.picture is not None]
    tasks = [_Task(folder, source, *pair, settings) for pair in pairs for source in shown]
    tasks = [task for task in tasks if task.done < rounds]
    verdicts = identified(vae for task in tasks for vae in (task.encoder, task.decoder))
    opened = OpenedVaes(settings, limit=KEPT_BYTES)
    for number, task in enumerate(tasks):
        watched = part(progress, number / len(tasks), (number + 1) / len(tasks), f"{task.title}: ")
        task.run(rounds, verdicts, opened, watched)
    progress(1.0, "done")


@dataclass(frozen=True)
class _Pair:
    """An encoder and a decoder in memory, and the latent spaces of both as far as they are known."""

    encoder: OpenedVae
    decoder: OpenedVae
    made: KnownSpace = field(default_factory=KnownSpace)
    taken: KnownSpace = field(default_factory=KnownSpace)

    @classmethod
    def opened(
        cls,
        encoder: Candidate,
        decoder: Candidate,
        verdicts: Verdicts,
        settings: Settings,
        opened: OpenedVaes,
        progress: Progress,
    ) -> _Pair:
        """Reads them, as far as they are not in memory.

        Raises:
            InvalidInput: they are of different latent spaces.
        """
        progress(0.0, "reading the files")
        verdict, of_decoder = (verdicts.get(os.fspath(vae.path)) for vae in (encoder, decoder))
        first = opened.get(encoder, verdict, whole=True)
        if os.fspath(encoder.path) == os.fspath(decoder.path):
            return cls(first, first)
        second = opened.get(decoder, of_decoder, whole=True)
        made, taken = space_of(verdict, first.network), space_of(of_decoder, second.network)
        if settings.latent_space:
            made = KnownSpace(settings.latent_space, Certainty.CERTAIN, "It was named.")
        sizes = [f"{vae.network.latent_channels} channels at 1/{vae.network.downscale}" for vae in (first, second)]
        if sizes[0] != sizes[1] or mismatch(made, taken):
            spaces = sizes if sizes[0] != sizes[1] else [made.title, taken.title]
            raise InvalidInput(
                f"{encoder.name} makes latents of {spaces[0]}, and {decoder.name} takes those of {spaces[1]}",
                "Choose an encoder and a decoder of one latent space",
            )
        return cls(first, second, made, taken)

    def once(self, picture: Picture, number: int, progress: Progress) -> Picture:
        """What one more round leaves, in 8 bits.

        Raises:
            NotFinite: it is no picture.
        """
        latents = encoded(self.encoder, picture, part(progress, 0, 0.3))
        scaled = self.decoder.network.latents_are_scaled
        values, _ = converted(
            latents.values, from_scaled=latents.are_scaled, to_scaled=scaled, latent=self.made, vae=self.taken
        )
        images = self.decoder.decode(values, part(progress, 0.3, 0.95)).values.float().cpu()
        width, height = picture.size
        pixels = images[..., :height, :width] / 2 + 0.5
        if not torch.isfinite(pixels).all():
            who = " and ".join(dict.fromkeys((self.encoder.candidate.name, self.decoder.candidate.name)))
            raise NotFinite(f"In round {number}, {who} gave numbers that are not finite", "Choose fp32 or auto")
        progress(0.95, "measuring")
        return Picture(picture.name, (pixels.clamp(0, 1) * 255).round() / 255, picture.original_size)


class _Task:
    """A source and a pair of which rounds are missing."""

    def __init__(
        self, folder: ComparisonFolder, source: Source, encoder: Candidate, decoder: Candidate, settings: Settings
    ) -> None:
        self.folder, self.source, self.encoder, self.decoder = folder, source, encoder, decoder
        self.settings = settings
        ids = (source.record.id, vae_record(encoder).id, vae_record(decoder).id)
        space = settings.latent_space.name if settings.latent_space else ""
        self.key: View = dict(zip(("source", "encoder", "decoder"), ids, strict=True))
        self.made_with = f"{settings.key} {space}".strip()
        self.rounds = self._kept()
        self.wanted = self.done

    @property
    def done(self) -> int:
        """Rounds that are there."""
        return len(self.rounds)

    @property
    def title(self) -> str:
        """For progress."""
        names = dict.fromkeys((self.encoder.name, self.decoder.name))
        return f"{' and '.join(names)}, {self.source.record.name}"

    def run(self, rounds: int, verdicts: Verdicts, opened: OpenedVaes, progress: Progress) -> None:
        """Makes the missing rounds and keeps each."""
        assert self.source.picture is not None
        self.wanted = rounds
        last = load_picture(self.folder.path / self.rounds[-1]["image"], longest_side=0) if self.rounds else None
        try:
            loss(
                self.source.picture, self.encoder, self.decoder, rounds, self.settings, progress, self._put,
                opened=opened, verdicts=verdicts, done=self.done, last=last,
            )  # fmt: skip
        except Cancelled:
            raise
        except Exception as error:  # noqa: BLE001  # one that fails fails alone
            self._write({}, sentence_of(error))

    def _put(self, made: Round) -> None:
        image = "-".join(("loss", *self.key.values(), f"{made.number}.png"))
        measured = rounded({"psnr": made.psnr, "delta_e": made.delta_e, "flip": made.flip})
        self.rounds.append({"round": made.number, **measured, "image": image})
        self._write({image: made.picture})

    def _write(self, pictures: Mapping[str, Image.Image], error: str | None = None) -> None:
        told = {"rounds": list(self.rounds), "wanted": self.wanted, "error": error, "made_with": self.made_with}
        names = {"encoder_name": self.encoder.name, "decoder_name": self.decoder.name}
        self.folder.put_loss({**self.key, **told, **names}, pictures)

    def _kept(self) -> list[View]:
        """Rounds that were made before with the same settings, as far as their pictures are there."""
        same = {**self.key, "made_with": self.made_with}
        kept: list[View] = []
        for view in self.folder.losses:
            if all(view.get(name) == value for name, value in same.items()):
                kept = list(view["rounds"])
        whole = next((n for n, one in enumerate(kept) if not (self.folder.path / one["image"]).is_file()), len(kept))
        return kept[:whole]
