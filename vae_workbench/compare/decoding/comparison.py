"""One picture through many VAEs, one after the other, each in its own network."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from ...autoencoder.autoencoder import NO_DECODER
from ...errors import Cancelled, InvalidInput, MissingHalf, WorkbenchError, sentence_of
from ...identity.verdict import Certainty, Verdict
from ...precision.memory import is_out_of_memory
from ...progress import Progress, part, silent
from ..measuring.measures import Fidelity, Look, RgbImage, fidelity, look
from ..measuring.peak_memory import PeakMemory
from ..sources.picture import Picture, as_image, cut_off
from .candidate import Candidate
from .latent_spaces import KnownSpace, identified, space_of
from .latents import Latents, encoded, fitting
from .opened import OpenedVaes
from .settings import Precision, Settings, fp16_warning

__all__ = [
    "Comparison",
    "Precision",
    "Result",
    "Settings",
    "as_image",
    "compare",
    "decode_one",
    "fp16_warning",
    "shared_latents",
]

logger = logging.getLogger("vae_workbench")

Verdicts = Mapping[str, Verdict]
"""What each file is, by its path."""


@dataclass(frozen=True)
class Result:
    """What one VAE made of the picture.

    Attributes:
        candidate: the VAE.
        image: H×W×3 float32 in 0..1, of the picture's size; None when the VAE could not be used.
        look: how the result looks; None without a finite image.
        fidelity: how close it is to the picture; None without a finite image.
        seconds: time of encoding (with its own encoder) and decoding, reading the file not included.
        notes: what a person should know about this result.
        error: why there is no image.
        warnings: what went wrong and was repaired.
        precision: that it was decoded in.
        peak_memory: bytes, see :mod:`..measuring.peak_memory`.
    """

    candidate: Candidate
    image: RgbImage | None = None
    look: Look | None = None
    fidelity: Fidelity | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str | None = None
    warnings: tuple[str, ...] = ()
    precision: str = ""
    peak_memory: int | None = None


@dataclass(frozen=True)
class Comparison:
    """A picture and what each VAE made of it, in the order asked for.

    Attributes:
        encoder: the VAE whose latent all of them decoded; None when each used its own encoder.
    """

    picture: Picture
    original: RgbImage
    original_look: Look
    results: tuple[Result, ...]
    encoder: Candidate | None
    settings: Settings


def compare(
    picture: Picture,
    candidates: Sequence[Candidate],
    *,
    encoder: Candidate | None = None,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Encodes the picture and decodes it with each VAE. Whatever goes wrong with one, it gets an error, and the others go on.

    Raises:
        InvalidInput: there is nothing to compare.
        WorkbenchError: ``encoder`` cannot be used, whatever went wrong with it.
        Cancelled: passed on from ``progress``.
    """
    if not candidates:
        raise InvalidInput("No VAE was chosen", "Choose one or more")
    settings = settings or Settings()
    original = as_image(picture.pixels)
    shares = len(candidates) + (encoder is not None)
    verdicts = identified([*candidates, *([encoder] if encoder else [])])
    shared = None
    if encoder is not None:
        watched = part(progress, 0, 1 / shares, f"{encoder.name}: ")
        shared = shared_latents(picture, encoder, verdicts, settings, watched)
    results = []
    for index, candidate in enumerate(candidates, start=shares - len(candidates)):
        watched = part(progress, index / shares, (index + 1) / shares, f"{candidate.name}: ")
        results.append(decode_one(picture, candidate, shared, verdicts, settings, watched))
    progress(1.0, "done")
    return Comparison(picture, original, look(original), tuple(results), encoder, settings)


def shared_latents(
    picture: Picture,
    maker: Candidate,
    verdicts: Verdicts,
    settings: Settings,
    progress: Progress,
    opened: OpenedVaes | None = None,
) -> Latents:
    """The latents that one VAE makes for all.

    Raises:
        WorkbenchError: whatever went wrong.
    """
    verdict = verdicts.get(os.fspath(maker.path))
    try:
        progress(0.0, "reading the file")
        vae = (opened or OpenedVaes(settings)).get(maker, verdict, whole=True)
        named = KnownSpace(settings.latent_space, Certainty.CERTAIN, "It was named.") if settings.latent_space else None
        latents = encoded(vae, picture, part(progress, 0.1, 1))
        return replace(latents, space=named or space_of(verdict, vae.network))
    except WorkbenchError:
        raise
    except Exception as error:
        raise InvalidInput(_sentence(maker, error), "Choose another encoder") from error


def decode_one(
    picture: Picture | None,
    candidate: Candidate,
    latents: Latents | None,
    verdicts: Verdicts,
    settings: Settings,
    progress: Progress,
    opened: OpenedVaes | None = None,
    *,
    exactly: bool = False,
) -> Result:
    """What one VAE makes of a picture, or why it makes nothing of it.

    Args:
        picture: what is decoded, or what the result is measured against; ``None`` where there are only latents.
        candidate: the VAE.
        latents: that it decodes; ``None``: it encodes the picture itself.
        verdicts: what is known of the VAEs, by path; see :func:`.latent_spaces.identified`.
        settings: how it is run.
        progress: told how far it is.
        opened: VAEs that are in memory.
        exactly: computes as the web UI does, and makes 8 bits of it as it does, so that the picture is its own.

    Raises:
        Cancelled: passed on from ``progress``.
    """
    opened = opened or OpenedVaes(settings)
    memory = PeakMemory(settings.device, opened.size_of(candidate))
    try:
        result = _run(picture, candidate, latents, verdicts, progress, opened, exactly)
    except Cancelled:
        raise
    except WorkbenchError as error:
        result = Result(candidate, error=str(error))
    except Exception as error:  # noqa: BLE001  # one failing VAE fails alone
        result = Result(candidate, error=_sentence(candidate, error))
    return replace(result, peak_memory=memory.bytes())


def _sentence(candidate: Candidate, error: Exception) -> str:
    """What to tell of an exception that is no sentence yet; its traceback goes to the log."""
    if is_out_of_memory(error):
        return f"{candidate.name} ran out of memory, in tiles too. Free some memory, or choose a smaller longest side."
    logger.error("%s could not be run", candidate.name, exc_info=error)
    return f"{candidate.name} could not be run. {sentence_of(error)}"


def _run(
    picture: Picture | None,
    candidate: Candidate,
    latents: Latents | None,
    verdicts: Verdicts,
    progress: Progress,
    opened: OpenedVaes,
    exactly: bool,
) -> Result:
    progress(0.0, "reading the file")
    verdict = verdicts.get(os.fspath(candidate.path))
    vae = opened.get(candidate, verdict, whole=latents is None)
    if not vae.network.has_decoder:
        raise MissingHalf(f"{candidate.name} has no decoder", NO_DECODER)
    start = time.perf_counter()
    if latents is None:
        assert picture is not None
        own = encoded(vae, picture, part(progress, 0.1, 0.4))
    else:
        own = latents
    values, conversion = fitting(own, vae.network, candidate, verdict)
    ran = vae.decode(values, part(progress, 0.1 if latents else 0.4, 0.95), exactly=exactly)
    raw = ran.values.float().cpu() / 2 + 0.5
    if picture is not None:
        width, height = picture.size
        raw = raw[..., :height, :width]
    seconds = time.perf_counter() - start
    known = verdict.warnings if verdict else ()
    notes = tuple(dict.fromkeys((*known, *own.notes, *ran.notes, *conversion)))
    result = Result(candidate, None, None, None, seconds, notes, None, (*own.warnings, *ran.warnings), ran.precision)
    damaged = 1 - float(torch.isfinite(raw).all(dim=1).float().mean())
    image = as_image(torch.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0))
    if exactly:
        image = cut_off(image)
    if damaged:
        told = (*result.warnings, "Some of its pixels are not numbers, and shown black.")
        return replace(result, image=image, notes=(*notes, _not_finite(damaged, ran.precision)), warnings=told)
    progress(0.95, "measuring")
    close = None if picture is None else fidelity(as_image(picture.pixels), image)
    return replace(result, image=image, look=look(image), fidelity=close)


def _not_finite(share: float, precision: str) -> str:
    return f"{share:.1%} of the pixels are not finite numbers in {precision} and shown black; nothing was measured."
