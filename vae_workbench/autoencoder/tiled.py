"""Big pictures in tiles that overlap, so that memory is bounded by the size of a tile.

Every tile is run on its own, and what comes of it differs from the whole picture's for two reasons:

* Near its edges a tile lacks its surroundings. So the outer quarter of each overlap is not used, and over the rest each tile
  fades out as its neighbour fades in.
* Every GroupNorm sees other statistics. So they are measured once for all tiles, on a sample: a map of a tile's size made
  of 8×8 patches from all over the picture.

What remains, measured on a decode of the photo "astronaut" at 512² (64×64 places) by the demo VAE, beside the untiled one:
tiles of 48 with an overlap of 16 differ by 0.9/255 on average and 22/255 at most, tiles of 32 with 8 by 1.9 and 48.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from ..errors import InvalidInput
from ..progress import Progress, part, silent
from .autoencoder import Autoencoder
from .kl import KLAutoencoder
from .norms import Norm, Statistics, holding, measuring, norms

TILE = 64
"""Height and width of a tile, in places of the latent."""

OVERLAP = 16
"""Places that neighbouring tiles have in common, at least."""

UNUSED = 0.25
"""Share of the overlap at the edge of a tile that is not used. Measured best of 0, ⅛, ¼ and ⅜."""

PATCH = 8
"""Size of the patches of a sample, in places of the latent. Measured best of 1, 2, 4, 8 and 16 for a tile of 32: larger ones
cover less of the picture, smaller ones have more edges that the picture has not."""


def decode_tiled(
    autoencoder: Autoencoder,
    latents: Tensor,
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Tensor:
    """As ``autoencoder.decode``, tile by tile.

    Args:
        autoencoder: what decodes.
        latents: B×C×h×w, on any device.
        tile: height and width of a tile, in places of the latent.
        overlap: places that neighbours have in common, at least.
        device: where the picture is put together and returned.
        progress: called before each layer of each tile.

    Returns:
        Images B×3×H×W, float32, on ``device``.

    Raises:
        InvalidInput: ``overlap`` is not below ``tile``, or the latents do not fit.
        MissingHalf: there is no decoder.
        Cancelled: ``progress`` raised it.
    """
    task = _Task(autoencoder, autoencoder.decode, unit_in=1, unit_out=autoencoder.downscale, channels_out=3)
    return task.tiled(latents, tile, overlap, torch.device(device), progress)


def encode_tiled(
    autoencoder: Autoencoder,
    images: Tensor,
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Tensor:
    """As ``autoencoder.encode``, tile by tile.

    Args:
        autoencoder: what encodes.
        images: B×3×H×W in −1..1, on any device.
        tile: height and width of a tile, in places of the latent.
        overlap: places that neighbours have in common, at least.
        device: where the latents are put together and returned.
        progress: called before each layer of each tile.

    Returns:
        Latents B×C×h×w, float32, on ``device``.

    Raises:
        InvalidInput: ``overlap`` is not below ``tile``, or the images do not fit.
        MissingHalf: there is no encoder.
        Cancelled: ``progress`` raised it.
    """
    task = _Task(autoencoder, autoencoder.encode, autoencoder.downscale, 1, autoencoder.latent_channels)
    return task.tiled(images, tile, overlap, torch.device(device), progress)


def moments_tiled(
    autoencoder: KLAutoencoder,
    images: Tensor,
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Tensor:
    """As :func:`encode_tiled`, with the log-variance behind the mean: see :meth:`.kl.KLAutoencoder.moments`."""
    task = _Task(autoencoder, autoencoder.moments, autoencoder.downscale, 1, autoencoder.shape.moments)
    return task.tiled(images, tile, overlap, torch.device(device), progress)


@dataclass(frozen=True)
class Span:
    """What a tile covers along one axis, in places of the latent; ``first`` and ``last`` touch the picture's border."""

    start: int
    stop: int
    first: bool
    last: bool


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Tiles of one size, spread evenly over ``length`` places, each with ``overlap`` places or more of the next."""
    tile = min(tile, length)
    count = max(1, math.ceil((length - overlap) / (tile - overlap))) if tile < length else 1
    starts = [round(index * (length - tile) / max(1, count - 1)) for index in range(count)]
    return [Span(start, start + tile, start == 0, start + tile == length) for start in starts]


def fade(length: int, overlap: int, span: Span, device: torch.device) -> Tensor:
    """The weight of a tile's pixels along one axis: 0 at an edge, then a linear ramp to 1, but 1 at the picture's border.

    Args:
        length: pixels of the tile.
        overlap: pixels that the tile has in common with the next.
        span: tells which edges are the picture's border.
        device: where the weights are wanted.
    """
    unused = int(overlap * UNUSED)
    steps = torch.arange(overlap, device=device) - unused + 0.5
    ramp = (steps / (overlap - 2 * unused)).clamp(0, 1)
    weight = torch.ones(length, device=device)
    if not span.first:
        weight[:overlap] *= ramp
    if not span.last:
        weight[length - overlap :] *= ramp.flip(0)
    return weight


def sample(source: Tensor, size: int, patch: int) -> Tensor:
    """A small picture of patches that lie evenly all over ``source``; as large as ``source`` along an axis not above ``size``.

    Args:
        source: B×C×H×W.
        size: height and width that the sample may have.
        patch: height and width of a patch.
    """

    def chosen(length: int) -> Tensor:
        count = size // patch
        if length <= size or count < 2:
            return torch.arange(min(length, size))
        starts = [round(index * (length - patch) / (count - 1)) for index in range(count)]
        return torch.cat([torch.arange(start, start + patch) for start in starts])

    rows, columns = (chosen(length).to(source.device) for length in source.shape[2:])
    return source[:, :, rows][..., columns]


@dataclass(frozen=True)
class _Task:
    """What is done to each tile. ``unit_in`` and ``unit_out`` are the pixels of source and result for one latent place."""

    autoencoder: Autoencoder
    run: Callable[[Tensor, Progress], Tensor]
    unit_in: int
    unit_out: int
    channels_out: int

    def tiled(self, source: Tensor, tile: int, overlap: int, device: torch.device, progress: Progress) -> Tensor:
        """The result for each picture of ``source`` in turn, put together from tiles."""
        if source.ndim != 4 or 0 in source.shape or min(source.shape[2:]) < self.unit_in:
            raise InvalidInput(
                f"A map of shape {tuple(source.shape)} cannot be cut into tiles", "Give B×C×height×width"
            )
        if not 0 <= overlap < tile:
            raise InvalidInput(
                f"Tiles of {tile} cannot overlap by {overlap}", "Choose an overlap smaller than the tile"
            )
        count = len(source)
        return torch.cat(
            [
                self._one(picture[None], tile, overlap, device, part(progress, index / count, (index + 1) / count))
                for index, picture in enumerate(source)
            ]
        )

    def _one(self, source: Tensor, tile: int, overlap: int, device: torch.device, progress: Progress) -> Tensor:
        places = [pixels // self.unit_in for pixels in source.shape[2:]]
        tiles = list(product(*(spans(length, tile, overlap) for length in places)))
        if len(tiles) == 1:
            return self.run(source, progress).to(device, torch.float32)
        shares = 1 + len(tiles)
        statistics = self._statistics(source, tile, part(progress, 0, 1 / shares, "sample, "))
        # Room for networks that round odd sizes up; what no tile reaches is cut off.
        size = [math.ceil(pixels / self.unit_in) * self.unit_out for pixels in source.shape[2:]]
        mosaic = _Mosaic(self.channels_out, size, device)
        with holding(statistics):
            for index, (row, column) in enumerate(tiles, start=1):
                told = part(progress, index / shares, (index + 1) / shares, f"tile {index} of {len(tiles)}, ")
                result = self.run(source[..., self._cut(row), self._cut(column)], told)
                mosaic.add(
                    result,
                    (row.start * self.unit_out, column.start * self.unit_out),
                    fade(result.shape[2], overlap * self.unit_out, row, device),
                    fade(result.shape[3], overlap * self.unit_out, column, device),
                )
        return mosaic.finished()

    def _statistics(self, source: Tensor, tile: int, progress: Progress) -> dict[Norm, Statistics]:
        if not norms(self.autoencoder):
            return {}
        with measuring(self.autoencoder) as statistics:
            self.run(sample(source, tile * self.unit_in, PATCH * self.unit_in), progress)
        return statistics

    def _cut(self, span: Span) -> slice:
        """A span's part of the source; the last one takes the pixels along that are less than a place."""
        return slice(span.start * self.unit_in, None if span.last else span.stop * self.unit_in)


class _Mosaic:
    """A weighted mean of overlapping results.

    Args:
        channels: of the result.
        size: height and width, or more.
        device: where it is put together.
    """

    def __init__(self, channels: int, size: list[int], device: torch.device) -> None:
        self.total = torch.zeros(1, channels, *size, device=device)
        self.weight = torch.zeros(size, device=device)

    def add(self, result: Tensor, corner: tuple[int, int], vertical: Tensor, horizontal: Tensor) -> None:
        """Adds ``result`` at ``corner``, with the product of the weights of its rows and columns."""
        weight = vertical[:, None] * horizontal
        rows, columns = (slice(a, a + n) for a, n in zip(corner, weight.shape, strict=True))
        self.total[..., rows, columns] += result.to(weight) * weight
        self.weight[rows, columns] += weight

    def finished(self) -> Tensor:
        """1×C×H×W, as far as results reach."""
        reached = self.weight > 0
        height, width = int(reached[:, 0].sum()), int(reached[0].sum())
        return self.total.div_(self.weight)[..., :height, :width]
