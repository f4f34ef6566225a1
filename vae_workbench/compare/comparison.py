"""One picture through many VAEs, one after the other, each in its own network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ..autoencoder.autoencoder import Autoencoder
from ..autoencoder.latent_space import LatentSpace
from ..autoencoder.open_file import open_autoencoder
from ..autoencoder.tiled import decode_tiled, encode_tiled
from ..errors import Cancelled, InvalidInput, WorkbenchError
from ..progress import Progress, part, silent
from .candidate import Candidate
from .measures import Fidelity, Look, RgbImage, fidelity, look
from .picture import Picture, pad_to_multiple
from .units import converted

# A full-size decoder holds about four maps of 128 channels at full resolution: 2 GB a megapixel in float32.
TILED_ABOVE_PIXELS = 1536 * 1536

# What running out of memory is called on CUDA (torch ≥ 2.1) and, since torch 2.5, on every device.
OUT_OF_MEMORY: type[RuntimeError] = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)


@dataclass(frozen=True)
class Settings:
    """How all VAEs of a comparison are run.

    Attributes:
        device: where the networks run.
        dtype: the precision in which they run.
        latent_space: needed only where a VAE with raw latents meets one with scaled ones; None asks the file names.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    latent_space: LatentSpace | None = None


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
    """

    candidate: Candidate
    image: RgbImage | None = None
    look: Look | None = None
    fidelity: Fidelity | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str | None = None


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
    """Encodes the picture and decodes it with each VAE; one that cannot be used gets an error, and the others go on.

    Raises:
        InvalidInput: there is nothing to compare.
        WorkbenchError: ``encoder`` cannot be used.
        Cancelled: passed on from ``progress``.
    """
    if not candidates:
        raise InvalidInput("No VAE was chosen", "Choose one or more")
    settings = settings or Settings()
    original = _as_image(picture.pixels)
    shares = len(candidates) + (encoder is not None)
    shared = None
    if encoder is not None:
        shared = _Latents.of(picture, encoder, settings, part(progress, 0, 1 / shares, f"{encoder.name}: "))
    results = []
    for index, candidate in enumerate(candidates, start=shares - len(candidates)):
        watched = part(progress, index / shares, (index + 1) / shares, f"{candidate.name}: ")
        results.append(_result(picture, original, candidate, shared, settings, watched))
    progress(1.0, "done")
    return Comparison(picture, original, look(original), tuple(results), encoder, settings)


@dataclass(frozen=True)
class _Latents:
    """A picture's latents, in the units of the VAE that made them."""

    values: torch.Tensor
    maker: Candidate
    are_scaled: bool
    downscale: int
    notes: tuple[str, ...]

    @classmethod
    def of(cls, picture: Picture, maker: Candidate, settings: Settings, progress: Progress) -> _Latents:
        autoencoder = _opened(maker, settings, progress)
        return cls.made_by(autoencoder, maker, picture, part(progress, 0.1, 1))

    @classmethod
    def made_by(cls, autoencoder: Autoencoder, maker: Candidate, picture: Picture, progress: Progress) -> _Latents:
        padded = pad_to_multiple(picture.pixels * 2 - 1, autoencoder.downscale)
        values, notes = _whole_or_tiled(autoencoder, "encode", padded, progress)
        if not torch.isfinite(values).all():
            notes = (*notes, f"The encoder of {maker.name} already made numbers that are not finite.")
        return cls(values, maker, autoencoder.latents_are_scaled, autoencoder.downscale, notes)


def _result(
    picture: Picture,
    original: RgbImage,
    candidate: Candidate,
    shared: _Latents | None,
    settings: Settings,
    progress: Progress,
) -> Result:
    try:
        return _run(picture, original, candidate, shared, settings, progress)
    except Cancelled:
        raise
    except WorkbenchError as error:
        return Result(candidate, error=str(error))
    except OUT_OF_MEMORY:
        return Result(
            candidate,
            error=f"{candidate.name} ran out of memory, in tiles too. Free some memory, or choose a smaller longest side.",
        )


def _run(
    picture: Picture,
    original: RgbImage,
    candidate: Candidate,
    shared: _Latents | None,
    settings: Settings,
    progress: Progress,
) -> Result:
    autoencoder = _opened(candidate, settings, progress)
    start = time.perf_counter()
    latents = shared or _Latents.made_by(autoencoder, candidate, picture, part(progress, 0.1, 0.4))
    values, conversion = _fitting(latents, autoencoder, candidate, settings)
    decoded, decode_notes = _whole_or_tiled(autoencoder, "decode", values, part(progress, 0.1 if shared else 0.4, 0.95))
    width, height = picture.size
    raw = decoded[..., :height, :width].float().cpu() / 2 + 0.5
    seconds = time.perf_counter() - start
    notes = (*dict.fromkeys((*latents.notes, *decode_notes)), *conversion)
    damaged = 1 - float(torch.isfinite(raw).all(dim=1).float().mean())
    image = _as_image(torch.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0))
    if damaged:
        return Result(candidate, image, seconds=seconds, notes=(*notes, _not_finite(damaged, settings.dtype)))
    progress(0.95, "measuring")
    return Result(candidate, image, look(image), fidelity(original, image), seconds, notes)


def _opened(candidate: Candidate, settings: Settings, progress: Progress) -> Autoencoder:
    progress(0.0, "reading the file")
    return open_autoencoder(Path(candidate.path), device=settings.device, dtype=settings.dtype)


def _fitting(
    latents: _Latents, autoencoder: Autoencoder, candidate: Candidate, settings: Settings
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """The latents in the units of the VAE that is to decode them, and what was assumed."""
    channels = latents.values.shape[1]
    if (channels, latents.downscale) != (autoencoder.latent_channels, autoencoder.downscale):
        raise InvalidInput(
            f"{candidate.name} decodes latents of {autoencoder.latent_channels} channels at 1/{autoencoder.downscale} of "
            f"the size, and {latents.maker.name} makes {channels} channels at 1/{latents.downscale}",
            "Choose VAEs of one latent space, or let each use its own encoder",
        )
    return converted(
        latents.values,
        from_scaled=latents.are_scaled,
        to_scaled=autoencoder.latents_are_scaled,
        file_names=(latents.maker.name, candidate.name),
        latent_space=settings.latent_space,
    )


def _whole_or_tiled(
    autoencoder: Autoencoder, task: str, values: torch.Tensor, progress: Progress
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """Runs ``task`` at once, or in tiles where the picture is large or memory runs out, and says so."""
    whole, tiled = {"encode": (autoencoder.encode, encode_tiled), "decode": (autoencoder.decode, decode_tiled)}[task]
    pixels = values.shape[2] * values.shape[3] * (autoencoder.downscale**2 if task == "decode" else 1)
    with torch.inference_mode():
        if pixels <= TILED_ABOVE_PIXELS:
            try:
                return whole(values, progress=part(progress, 0, 1, f"{task} ")), ()
            except OUT_OF_MEMORY:
                reason = "memory ran out"
        else:
            reason = "the picture is large"
        return tiled(autoencoder, values, progress=part(progress, 0, 1, f"{task} ")), (f"Run in tiles: {reason}.",)


def _as_image(pixels: torch.Tensor) -> RgbImage:
    """1×3×H×W in about 0..1 to H×W×3 in 0..1."""
    return np.ascontiguousarray(pixels[0].clamp(0, 1).permute(1, 2, 0).numpy())


def _not_finite(share: float, dtype: torch.dtype) -> str:
    name = str(dtype).removeprefix("torch.")
    return f"{share:.1%} of the pixels are not finite numbers in {name} and shown black; nothing was measured."
