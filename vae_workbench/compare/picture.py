"""Any picture file as the pixels that a VAE is given, by one stated rule.

The rule (:data:`RULE`): the picture is turned as its EXIF data says, laid on white where it is transparent, scaled down
in proportion when its longer side is over a limit, and never stretched. For the VAE it is padded on the right and at the
bottom by repeating its last pixels, up to a multiple of the VAE's downscale; the padding is cut off again afterwards.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch.nn import functional as F

from ..errors import InvalidInput

RULE = (
    "The picture is turned as its EXIF data says, laid on white where it is transparent, scaled down in proportion when "
    "its longer side is over the limit, padded on the right and at the bottom by repeating its last pixels, and the "
    "padding is cut off the results."
)
DEFAULT_LONGEST_SIDE = 1024
WHITE = (255, 255, 255, 255)
# Wide grey modes carry no maximum of their own: the smallest of these that holds the brightest pixel is white.
WIDE_WHITES = (1.0, 255.0, 65535.0, 4294967295.0)
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
    image = _to_rgb(_open(source, label), label)
    original_size = image.size
    image = _scale_down(image, longest_side)
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    return Picture(label, pixels.contiguous(), original_size)


def pad_to_multiple(pixels: torch.Tensor, multiple: int) -> torch.Tensor:
    """Repeats the last column and row of B×3×H×W until both sides are multiples; the content stays at the top left."""
    height, width = pixels.shape[-2:]
    return F.pad(pixels, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _open(source: str | os.PathLike[str] | bytes, label: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source))
            image.load()  # type: ignore[no-untyped-call]
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


def _scale_down(image: Image.Image, longest_side: int) -> Image.Image:
    if not longest_side or max(image.size) <= longest_side:
        return image
    factor = longest_side / max(image.size)
    size = tuple(max(1, math.floor(side * factor + 0.5)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
