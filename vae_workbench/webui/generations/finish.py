"""What the web UI does to a decoded picture before it is saved and shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from modules import processing, shared
from PIL import Image
from torch import Tensor

from ...lazy_dataclass import dataclass


@dataclass(frozen=True)
class Finish:
    """The same for a picture of another VAE. What scripts do is not repeated: they may sample again.

    Attributes:
        restores_faces: whether faces are restored.
        colors: what the colours are brought into line with; ``None``: they stay.
        place: left, top, width and height within ``around``; ``None``: all of it.
        around: the picture of which a part was inpainted, transparent there; ``None``: the whole was made anew.
    """

    restores_faces: bool = False
    colors: Any = None
    place: tuple[int, int, int, int] | None = None
    around: Image.Image | None = None

    @classmethod
    def of(cls, p: Any, index: int, overlay: Any) -> Finish:
        """That of a picture.

        Args:
            p: its job.
            index: its number in the batch.
            overlay: what scripts were given, and may have changed; ``None`` where the web UI does not ask them.
        """
        colors = getattr(p, "color_corrections", None) or ()
        around = overlay.overlay_image if overlay else _listed(p, index)
        return cls(
            bool(p.restore_faces), colors[index] if index < len(colors) else None, getattr(p, "paste_to", None), around
        )

    def applied(self, pixels: np.ndarray[Any, Any]) -> Image.Image:
        """The finished picture of H×W×3 decoded pixels in 0..255."""
        if self.restores_faces:
            from modules import face_restoration

            pixels = face_restoration.restore_faces(pixels)
        image = Image.fromarray(pixels)
        if self.colors is not None:
            image = processing.apply_color_correction(self.colors, image)
        if self.around is not None:
            image = processing.apply_overlay(image, self.place, self.around)[0]
        return image


def _listed(p: Any, index: int) -> Image.Image | None:
    listed = (getattr(p, "overlay_images", None) or ()) if shared.opts.overlay_inpaint else ()
    return listed[index] if index < len(listed) else None


def as_pixels(image: Tensor) -> np.ndarray[Any, Any]:
    """3×H×W in 0..1 to H×W×3 in 0..255, cut off instead of rounded, as the web UI does it."""
    pixels: np.ndarray[Any, Any] = (255.0 * np.moveaxis(image.detach().cpu().float().numpy(), 0, 2)).astype(np.uint8)
    return pixels
