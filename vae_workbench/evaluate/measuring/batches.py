"""Works on batches of pictures, one after the other: the next is read while the networks run."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...compare.decoding.latent_spaces import KnownSpace, space_of
from ...compare.decoding.latents import Latents, encoded, fitting
from ...compare.decoding.opened import OpenedVaes
from ...compare.sources.picture import Picture
from ...errors import InvalidInput, WorkbenchError, sentence_of
from ...identity.verdict import Certainty
from ...precision.memory import is_out_of_memory
from ...progress import silent
from ..job import Batch, Column, Job, Line, Precision
from ..pictures.crop import load_square
from ..pictures.work_list import name_hash
from .lpips import Lpips
from .measured import Original

KEPT_BYTES = 1 << 30
"""Weights of each precision that are kept in memory beside those of the VAE that runs. Others are read for each batch anew,
which takes a full-size VAE some hundredth of the time for its batch."""

READERS = 4
"""Threads that read and measure where the networks do not run on the CPU."""

Square = NDArray[np.uint8]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """torch computes in one thread, as it does for every worker: with another number of them, last digits may differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def evaluate_batches(job: Job, batches: Iterable[Batch]) -> Generator[list[Line], None, None]:
    """What comes of each batch, in their order: a line for each picture and column, and one for each picture that is broken."""
    with one_thread(), Networks(job) as networks, ThreadPoolExecutor(networks.readers) as pool:
        before: tuple[Batch, list[Future[Square]]] | None = None
        for batch in batches:
            reading = [pool.submit(read_square, job, name) for name in batch.names]
            if before:
                yield networks.lines(before[0], _read(before[1]))
            before = batch, reading
        if before:
            yield networks.lines(before[0], _read(before[1]))


def _read(reading: list[Future[Square]]) -> list[Square | BaseException]:
    """Pictures that were read, or why they could not be."""
    squares: list[Square | BaseException] = []
    for future in reading:
        error = future.exception()
        squares.append(future.result() if error is None else error)
    return squares


def read_square(job: Job, name: str) -> Square:
    """What is evaluated of a picture, size×size×3.

    Raises:
        InvalidInput: it cannot be read.
    """
    return load_square(job.path(name), job.size, job.crop, name_hash(name, job.seed))


class Networks:
    """The VAEs of a job, kept in memory as far as there is room.

    Args:
        job: which, and how they are run.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._opened = {
            precision: OpenedVaes(job.settings(precision), decoders_only=job.encoder is not None, limit=KEPT_BYTES)
            for precision in job.precisions
        }
        self._lpips = Lpips(torch.device(job.device)) if job.lpips else None
        self._space: KnownSpace | None = None
        self.readers = 1 if torch.device(job.device).type == "cpu" else READERS

    def __enter__(self) -> Networks:
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._opened.values():
            opened.close()

    def lines(self, batch: Batch, squares: list[Square | BaseException]) -> list[Line]:
        """What comes of a batch.

        Args:
            batch: which.
            squares: its pictures, or why they could not be read.
        """
        lines: list[Line] = []
        good: list[int] = []
        blank = np.zeros((self._job.size, self._job.size, 3), np.uint8)
        pictures = [{"picture": batch.first + place, "file": stamp} for place, stamp in enumerate(batch.stamps)]
        for place, square in enumerate(squares):
            if not isinstance(square, BaseException):
                good.append(place)
            elif isinstance(square, Exception):
                lines.append({**pictures[place], "error": sentence_of(square)})
            else:
                raise square
        if not good:
            return lines
        # Broken pictures leave their places empty, so that the others get the same numbers as without them.
        stacked = np.stack([blank if isinstance(square, BaseException) else square for square in squares])
        pixels = torch.from_numpy(stacked.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()
        originals = {place: Original(_image(pixels[place])) for place in good}
        latents: dict[Precision, Latents | WorkbenchError] = {}
        for column in batch.columns:
            told = {"vae": column.vae, "precision": column.precision}
            for place, measured in zip(good, self._measured(column, pixels, originals, latents), strict=True):
                lines.append({**pictures[place], **told, **measured})
        return lines

    def results(self, column: Column, pixels: Tensor, latents: dict[Precision, Latents | WorkbenchError]) -> Tensor:
        """What a VAE makes of pictures.

        Args:
            column: the VAE, and the precision it is run in.
            pixels: B×3×H×W in 0..1.
            latents: of the shared encoder, by precision; those that are missing are added.

        Returns:
            B×3×H×W float32 on the CPU, about 0..1; with what is not finite, if it is so.

        Raises:
            WorkbenchError: it cannot be run.
        """
        candidate = self._job.vaes[column.vae]
        shared = self.shared_latents(column.precision, pixels, latents)
        vae = self._opened[column.precision].get(candidate, candidate.verdict, whole=shared is None)
        own = shared or encoded(vae, Picture("", pixels, (0, 0)), silent)
        values, _ = fitting(own, vae.network, candidate, candidate.verdict)
        made = vae.decode(values, silent).values[..., : pixels.shape[2], : pixels.shape[3]]
        return made.float().cpu() / 2 + 0.5

    def shared_latents(
        self, precision: Precision, pixels: Tensor, latents: dict[Precision, Latents | WorkbenchError]
    ) -> Latents | None:
        """What the shared encoder makes of pictures; ``None`` without one. See :meth:`results`."""
        encoder = self._job.encoder
        if encoder is None:
            return None
        if precision not in latents:
            try:
                vae = self._opened[precision].get(encoder, encoder.verdict, whole=True)
                if self._space is None:
                    named = self._job.settings(precision).latent_space
                    certain = KnownSpace(named, Certainty.CERTAIN, "It was named.")
                    self._space = certain if named else space_of(encoder.verdict, vae.network)
                latents[precision] = replace(encoded(vae, Picture("", pixels, (0, 0)), silent), space=self._space)
            except WorkbenchError as error:
                latents[precision] = error
        made = latents[precision]
        if isinstance(made, WorkbenchError):
            raise made
        return made

    def _measured(
        self,
        column: Column,
        pixels: Tensor,
        originals: dict[int, Original],
        latents: dict[Precision, Latents | WorkbenchError],
    ) -> list[Line]:
        """The measures of each original that could be read, or why there are none."""
        try:
            results = self.results(column, pixels, latents)
        except Exception as error:  # noqa: BLE001  # one failing VAE fails alone
            return [{"error": _sentence(error), "again": True}] * len(originals)
        finite = torch.isfinite(results).flatten(1).all(1).tolist()
        results = results.clamp(0, 1)
        pairs = [(original, _image(results[place])) for place, original in originals.items() if finite[place]]
        if self.readers > 1:
            with ThreadPoolExecutor(self.readers) as pool:
                measured = iter(list(pool.map(lambda pair: pair[0].measures(pair[1]), pairs)))
        else:
            measured = iter([original.measures(result) for original, result in pairs])
        lines: list[Line] = []
        for place in originals:
            not_finite = {"error": f"Some pixels are not finite numbers in {column.precision}."}
            lines.append(dict(next(measured)) if finite[place] else not_finite)
        if self._lpips:
            distances = self._lpips.distances(pixels, results)
            for place, line in zip(originals, lines, strict=True):
                line.update({} if "error" in line else {"lpips": distances[place]})
        return lines


def _image(pixels: Tensor) -> NDArray[np.float32]:
    """3×H×W to H×W×3."""
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())


def _sentence(error: Exception) -> str:
    if is_out_of_memory(error):
        error = InvalidInput("Memory ran out", "Free some memory, or choose fewer workers or a smaller size")
    return sentence_of(error)
