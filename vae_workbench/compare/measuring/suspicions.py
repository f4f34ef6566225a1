"""What is suspicious about a VAE or about a picture that it made: few things, only sure ones, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...identity.evidence import SPACE_NAMES
from ...identity.verdict import Certainty, Verdict
from .measures import RgbImage

STEP = 8
"""Pixels along each axis whose mean is looked at: a place of the latent."""

FEWEST = 3
"""Pictures that it takes for one to leave the others."""

LEAVES = 20.0
"""ΔE from the nearest of the others, beyond which a place has left them: far more than taste, a ΔE of 1 being just visible."""

AGREE = 8.0
"""ΔE within which the others are of each other there."""

PLACES = 4
"""Places that hang together, the fewest that are told of: 16×16 pixels."""

PALE = 0.6
"""Part of the others' saturation below which a picture is far paler, if it is also :data:`PALER_BY` below."""

PALER_BY = 6.0
"""Units of mean chroma in CIELAB."""

BLOTCHED, PALER = "It has", "It is far paler"
"""What the sentences of :func:`of_pictures` begin with."""

TAESD = "A TAESD imitates a VAE with a small network: details are not what the VAE itself makes of them."

Places = NDArray[np.float32]
"""Means of a picture's places in CIELAB, h×w×3."""


def badge(verdict: Verdict | None) -> str:
    """What a VAE is for, in a word or two; empty where nothing tells it."""
    if verdict is None:
        return ""
    space = SPACE_NAMES.get(verdict.latent_space or "", "") if verdict.certainty >= Certainty.LIKELY else ""
    return " ".join(filter(None, ("TAESD" if verdict.names == "tiny" else "", space)))


def of_vae(verdict: Verdict | None, others: Mapping[str, Verdict]) -> tuple[str, ...]:
    """What is suspicious about a VAE itself.

    Args:
        verdict: what is known of it.
        others: the VAEs before it in the comparison, by their names.
    """
    if verdict is None:
        return ()
    sketch_id = _sketch_id(verdict)
    twin = next((name for name, other in others.items() if sketch_id and _sketch_id(other) == sketch_id), None)
    found = [verdict.error] if verdict.kind == "broken" and verdict.error else []
    found += verdict.warnings
    found += [TAESD] if verdict.names == "tiny" else []
    found += [f"It is the same VAE as {twin}."] if twin else []
    return tuple(found)


def places_of(image: RgbImage) -> Places:
    """What :func:`of_pictures` looks at of a picture H×W×3 in 0..1."""
    from skimage.color import rgb2lab

    height, width = (side // STEP * STEP for side in image.shape[:2])
    if not height or not width:
        return np.zeros((0, 0, 3), np.float32)
    blocks = image[:height, :width].reshape(height // STEP, STEP, width // STEP, STEP, 3)
    return np.asarray(rgb2lab(blocks.mean(axis=(1, 3))), dtype=np.float32)


def of_pictures(pictures: Sequence[Places]) -> list[tuple[str, ...]]:
    """What is suspicious about each of some pictures that VAEs made of one source, beside the others."""
    if len(pictures) < FEWEST or not pictures[0].size:
        return [()] * len(pictures)
    chroma = [float(np.hypot(picture[..., 1], picture[..., 2]).mean()) for picture in pictures]
    return [
        (
            *_blotches(pictures[place], [*pictures[:place], *pictures[place + 1 :]]),
            *_paleness(chroma[place], [*chroma[:place], *chroma[place + 1 :]]),
        )
        for place in range(len(pictures))
    ]


def without_those_of_pictures(warnings: Sequence[str]) -> tuple[str, ...]:
    """What is left of a picture's warnings when the others change beside which it was looked at."""
    return tuple(warning for warning in warnings if not warning.startswith((BLOTCHED, PALER)))


def _blotches(picture: Places, others: Sequence[Places]) -> tuple[str, ...]:
    from skimage.measure import label

    middle = np.median(np.stack(others), axis=0)
    agree = np.max([_distance(other, middle) for other in others], axis=0) < AGREE
    nearest = np.min([_distance(other, picture) for other in others], axis=0)
    usual = float(np.median(nearest))  # large where the whole picture has another tone, which is no blotch
    areas = label(agree & (nearest > LEAVES + 3 * usual), connectivity=2)
    sizes = np.bincount(areas.ravel())[1:]
    found = int((sizes >= PLACES).sum())
    if not found:
        return ()
    share = sizes[sizes >= PLACES].sum() / areas.size
    told = "a blotch" if found == 1 else f"{found} blotches"
    return (f"{BLOTCHED} {told} where no other VAE has one ({share:.1%} of the picture).",)


def _paleness(own: float, others: Sequence[float]) -> tuple[str, ...]:
    usual = float(np.median(others))
    if own < PALE * usual and own < usual - PALER_BY and own < min(others):
        return (f"{PALER} than the others ({own:.0f} beside {usual:.0f}).",)
    return ()


def _distance(one: Places, other: Places) -> NDArray[np.float32]:
    distance: NDArray[np.float32] = np.sqrt(np.square(one - other).sum(axis=-1))
    return distance


def _sketch_id(verdict: Verdict) -> str | None:
    return verdict.baked.sketch_id if verdict.baked else verdict.sketch_id
