"""The test latents of :mod:`vae_workbench.library.thumbnail`: a chart, and what TAESD's encoders make of it.

    python -m demo.chart --teacher FOLDER

FOLDER has ``taesd_encoder.safetensors`` and its siblings for SDXL, SD3 and Flux.1. The chart shows a face (the portrait of
Eileen Collins from the scikit-image wheel: NASA, public domain), colours, a ramp from black to white and fine lines.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.autoencoder.open_file import open_autoencoder
from vae_workbench.library.thumbnail import SIDE, TEST_LATENTS
from vae_workbench.weights.writer import Recipe, write_safetensors

from .pictures import Picture, photo

ENCODERS = {"sd1": "taesd", "sdxl": "taesdxl", "sd3": "taesd3", "flux1": "taef1"}
FACE = (156, 18, 300, 162)
"""Left, top, right, bottom in ``astronaut.png``."""

COLOURS = (
    *("#e02020", "#f08020", "#f0e020", "#30b030", "#20c0c0", "#2040d0", "#8030c0", "#e040a0"),
    *("#f8d8c0", "#c09070", "#704030", "#90c060", "#80c0f0", "#ffffff", "#808080", "#000000"),
)
METADATA = {
    "source": "A chart with a portrait of Eileen Collins by NASA (public domain), encoded with TAESD (MIT, "
    "© 2023 Ollin Boer Bohan), latents raw; made by demo.chart.py",
    "modelspec.license": "MIT",
}


def chart() -> Picture:
    """128×128: the face 96×96 at the left, 16 colours at the right, a ramp and fine lines below."""
    made = np.zeros((SIDE, SIDE, 3), np.uint8)
    face = Image.fromarray(photo("astronaut.png")).crop(FACE)
    made[:96, :96] = np.asarray(face.resize((96, 96), Image.Resampling.LANCZOS))
    for place, colour in enumerate(COLOURS):
        row, column = divmod(place, 2)
        made[row * 16 : row * 16 + 16, 96 + column * 16 : 112 + column * 16] = list(bytes.fromhex(colour[1:]))
    made[96:112, :96] = np.linspace(0, 255, 96).astype(np.uint8)[:, None]
    x = np.arange(96)
    period = np.repeat((2, 3, 4, 6, 8, 12), 16)
    made[112:, :96] = np.where(x % period < period / 2, 255, 0).astype(np.uint8)[:, None]
    return made


def latents(picture: Picture, teacher: Path) -> dict[str, Tensor]:
    """Latent space → the raw latent 1×C×16×16 of the picture, in half precision."""
    image = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        return {
            name: LATENT_SPACES[name]
            .to_raw(open_autoencoder(teacher / f"{encoder}_encoder.safetensors").encode(image))
            .half()
            for name, encoder in ENCODERS.items()
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=TEST_LATENTS)
    asked = parser.parse_args()
    picture = chart()
    tensors = {"picture": torch.from_numpy(picture).permute(2, 0, 1)[None], **latents(picture, asked.teacher)}
    recipes = [Recipe.of(name, tensor) for name, tensor in tensors.items()]
    write_safetensors(asked.out, recipes, METADATA, overwrite=True)


if __name__ == "__main__":
    main()
