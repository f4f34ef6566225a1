"""Any picture file as the pixels that a VAE is given, by one stated rule.

The rule (:data:`RULE`): the picture is turned as its EXIF data says, laid on white where it is transparent, scaled down
in proportion when its longer side is over a limit, and never stretched. For the VAE it is padded on the right and at the
bottom by repeating its last pixels, up to a multiple of the VAE's downscale; the padding is cut off again afterwards.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch.nn import functional as F

from ...errors import InvalidInput
from ...lazy_dataclass import dataclass
from ..measuring.measures import RgbImage

RULE = (
    "The picture is turned as its EXIF data says, laid on white where it is transparent, scaled down in proportion when "
    "its longer side is over the limit, padded on the right and at the bottom by repeating its last pixels, and the "
    "padding is cut off the results."
)
DEFAULT_LONGEST_SIDE = 1024
WHITE = (255, 255, 255, 255)
# Wide grey modes carry no maximum of their own: the smallest of these that holds the brightest pixel is white.
WIDE_WHITES = (1.0, 255.0, 65535.0, 4294967295.0)
PROGRAMS = frozenset(("EPS", "WMF"))
"""Formats that are programs: Pillow hands them to Ghostscript or to Windows, whatever the file's ending is."""
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class Picture:
    """A picture ready to be encoded.

    Attributes:
        name: what to call it.
        pixels: 1×3×H×W float32 in 0..1.
        original_size: (width, height) of the file, after its EXIF rotation.
    """

    name: str
    pixels: torch.Tensor
    original_size: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as compared."""
        return self.pixels.shape[3], self.pixels.shape[2]


class PictureOfFile(Picture):
    """A picture of any size as it is in its file, which is read whenever the pixels are asked for: many fill no memory.

    Args:
        path: of the file.
        name: what to call it.
        read: :func:`load_picture`, or what keeps the newest that it gave.

    Raises:
        InvalidInput: as :func:`load_picture`; of :attr:`pixels`, the file was changed since.
    """

    _path: Path
    _read: Callable[[Path], Picture]

    def __init__(self, path: Path, name: str, read: Callable[[Path], Picture] | None = None) -> None:
        size = _open(path, path.name, lambda image: image.verify()).size
        known = {"name": name, "original_size": size, "_path": path, "_read": read or read_whole}
        for attribute, value in known.items():
            object.__setattr__(self, attribute, value)

    @property
    def pixels(self) -> torch.Tensor:
        """1×3×H×W float32 in 0..1."""
        return self._read(self._path).pixels

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.original_size


def read_whole(path: Path) -> Picture:
    """A picture of any size."""
    return load_picture(path, longest_side=0)


def load_picture(
    source: str | os.PathLike[str] | bytes, *, name: str = "", longest_side: int = DEFAULT_LONGEST_SIDE
) -> Picture:
    """Reads a picture file, or the bytes of one; 0 for ``longest_side`` keeps any size.

    Raises:
        InvalidInput: it is no picture, is damaged, or is too large to be safe.
    """
    label = name or ("the picture" if isinstance(source, bytes) else Path(source).name)
    if longest_side < 0:
        raise InvalidInput(
            f"{longest_side} is no length for the longest side", "Give a number of pixels, or 0 for any size"
        )
    image = open_rgb(source, label)
    original_size = image.size
    image = _scale_down(image, longest_side)
    return Picture(label, _pixels(image), original_size)


def scaled_down(picture: Picture, longest_side: int) -> Picture:
    """The picture, no larger than this."""
    image = _scale_down(to_pil(as_image(picture.pixels)), longest_side)
    return Picture(picture.name, _pixels(image), picture.original_size)


def open_rgb(source: str | os.PathLike[str] | bytes, label: str) -> Image.Image:
    """A picture file, or the bytes of one, in RGB at its full size: turned as its EXIF data says, laid on white.

    Raises:
        InvalidInput: it is no picture, is damaged, or is too large to be safe; ``label`` names it.
    """
    return _to_rgb(_open(source, label), label)


def as_image(pixels: torch.Tensor) -> RgbImage:
    """1×3×H×W in about 0..1 to H×W×3 in 0..1."""
    return np.ascontiguousarray(pixels[0].clamp(0, 1).permute(1, 2, 0).numpy())


def to_pil(image: RgbImage) -> Image.Image:
    """H×W×3 in 0..1 as an 8 bit picture."""
    return Image.fromarray(np.round(image * 255).astype(np.uint8), "RGB")


def cut_off(image: RgbImage) -> RgbImage:
    """A picture in 0..1 at 8 bits as the web UI makes them: values are cut off, not rounded."""
    levels: RgbImage = np.floor(255.0 * image)
    return levels / np.float32(255)


def pad_to_multiple(pixels: torch.Tensor, multiple: int) -> torch.Tensor:
    """Repeats the last column and row of B×3×H×W until both sides are multiples; the content stays at the top left."""
    height, width = pixels.shape[-2:]
    return F.pad(pixels, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _open(
    source: str | os.PathLike[str] | bytes,
    label: str,
    look: Callable[[Image.Image], object] = lambda image: image.load(),
) -> Image.Image:
    try:
        with warnings.catch_warnings(), contextlib.ExitStack() as opened:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source))
            opened.callback(image.close)
            if image.format in PROGRAMS:
                raise UnidentifiedImageError
            look(image)
            opened.pop_all()  # only what cannot be read is closed here
    except FileNotFoundError:
        raise InvalidInput(f"{label} does not exist", "Check the path of the picture") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidInput(
            f"{label} has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels", "Give a smaller picture"
        ) from None
    except UnidentifiedImageError:
        raise InvalidInput(
            f"{label} is not a picture that can be read", "Give a PNG, JPEG, WebP, TIFF or BMP file"
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's ways to say that a file is damaged
        raise InvalidInput(
            f"{label} cannot be read as a picture ({error})", "Check the file, or give another one"
        ) from None
    return image


def _to_rgb(image: Image.Image, label: str) -> Image.Image:
    image = ImageOps.exif_transpose(image) or image
    if image.mode in (*SIXTEEN_BIT_MODES, "I", "F"):
        return _wide_grey_to_rgb(np.asarray(image).astype(np.float64), image.mode, label)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image).convert("RGB")
    return image.convert("RGB")


def _wide_grey_to_rgb(grey: NDArray[np.float64], mode: str, label: str) -> Image.Image:
    if not np.isfinite(grey).all():
        raise InvalidInput(f"{label} has pixels that are not finite numbers", "Give another picture")
    white = 65535.0 if mode != "F" else next(w for w in WIDE_WHITES if grey.max() <= w or w == WIDE_WHITES[-1])
    return Image.fromarray(np.round(np.clip(grey / white, 0, 1) * 255).astype(np.uint8), "L").convert("RGB")


def _pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def _scale_down(image: Image.Image, longest_side: int) -> Image.Image:
    if not longest_side or max(image.size) <= longest_side:
        return image
    factor = longest_side / max(image.size)
    size = tuple(max(1, math.floor(side * factor + 0.5)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
