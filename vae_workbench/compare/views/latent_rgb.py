"""A latent as a small picture without a VAE: colours are nearly a linear function of its channels."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...autoencoder.latent_space import LatentSpace
from ...identity.colour_probe import FACTORS as FACTORS_OF_FOUR

FACTORS = {
    **FACTORS_OF_FOUR,
    "sd3": (
        (-0.0922, -0.0175, 0.0749), (0.0311, 0.0633, 0.0954), (0.1994, 0.0927, 0.0458), (0.0856, 0.0339, 0.0902),
        (0.0587, 0.0272, -0.0496), (-0.0006, 0.1104, 0.0309), (0.0978, 0.0306, 0.0427), (-0.0042, 0.1038, 0.1358),
        (-0.0194, 0.0020, 0.0669), (-0.0488, 0.0130, -0.0268), (0.0922, 0.0988, 0.0951), (-0.0278, 0.0524, -0.0542),
        (0.0332, 0.0456, 0.0895), (-0.0069, -0.0030, -0.0810), (-0.0596, -0.0465, -0.0293), (-0.1448, -0.1463, -0.1189),
    ),
    "flux1": (
        (-0.0346, 0.0244, 0.0681), (0.0034, 0.0210, 0.0687), (0.0275, -0.0668, -0.0433), (-0.0174, 0.0160, 0.0617),
        (0.0859, 0.0721, 0.0329), (0.0004, 0.0383, 0.0115), (0.0405, 0.0861, 0.0915), (-0.0236, -0.0185, -0.0259),
        (-0.0245, 0.0250, 0.1180), (0.1008, 0.0755, -0.0421), (-0.0515, 0.0201, 0.0011), (0.0428, -0.0012, -0.0036),
        (0.0817, 0.0765, 0.0749), (-0.1264, -0.0522, -0.1103), (-0.0280, -0.0881, -0.0499), (-0.1262, -0.0982, -0.0778),
    ),
}  # fmt: skip
"""Latent space → from scaled channels (rows) to R, G, B in −1..1 (columns), as ComfyUI previews them
(comfyanonymous/ComfyUI@040a324, comfy/latent_formats.py)."""

BIAS = {
    "sdxl": (0.1084, -0.0175, -0.0011),
    "sd3": (0.2394, 0.2135, 0.1925),
    "flux1": (-0.0329, -0.0718, -0.0851),
}
"""What is added to R, G, B; from the same place. SD1 has none."""

DEVIATIONS = 2.5
"""Standard deviations of a principal component on either side of grey that are told apart."""


def preview(values: Tensor, space: LatentSpace | None) -> Image.Image:
    """RGB, one pixel for each place.

    Args:
        values: 1×C×h×w float32; scaled if ``space`` is one of :data:`FACTORS`, else in any units.
        space: their latent space. Without factors, the first three principal components are shown as red, green and blue:
            what differs is seen to differ, but colours mean nothing.
    """
    places = torch.nan_to_num(values[0], nan=0.0, posinf=0.0, neginf=0.0).flatten(1).double()
    if has_factors(space):
        assert space is not None
        factors = torch.tensor(FACTORS[space.name], dtype=torch.float64)
        bias = torch.tensor(BIAS.get(space.name, (0.0, 0.0, 0.0)), dtype=torch.float64)
        colours = factors.T @ places + bias[:, None]
    else:
        colours = _components(places)
    levels = ((colours.clamp(-1, 1) + 1) * 127.5).round().reshape(3, *values.shape[2:])
    return Image.fromarray(np.ascontiguousarray(levels.permute(1, 2, 0).numpy().astype(np.uint8)), "RGB")


def has_factors(space: LatentSpace | None) -> bool:
    """Whether the preview shows colours."""
    return space is not None and space.name in FACTORS


def _components(places: Tensor) -> Tensor:
    """C×N → 3×N, each of a standard deviation of 1/:data:`DEVIATIONS`; zeros where there are fewer."""
    centred = places - places.mean(1, keepdim=True)
    _, axes = torch.linalg.eigh(centred @ centred.T)
    axes = axes.flip(1)[:, :3]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # the sign is arbitrary: fix it
    found = axes.T @ centred
    spread = found.std(1, correction=0, keepdim=True).clamp_min(1e-12)
    made = torch.zeros(3, places.shape[1], dtype=torch.float64)
    made[: len(found)] = found / spread / DEVIATIONS
    return made
