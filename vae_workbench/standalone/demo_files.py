"""The demo VAEs: one small trained autoencoder, and siblings made from it on first use.

They are toys of 5 million parameters, there to have something to click on. The siblings differ from the trained one by
exact edits of its weights, so what they show is real: colours that are too pale or too vivid, and a residual stream that
is too large for fp16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from skimage.data import data_dir as photos  # the wheel's own pictures

from ..edit.adjust import ColourChange, adjust_decoder
from ..precision.rescale import scale_stream
from ..weights.reader import open_weights
from ..weights.writer import Recipe, write_safetensors

DEMO = Path(__file__).resolve().parents[2] / "demo"
TRAINED = DEMO / "demo-vae-sd1.safetensors"
# Held out of the training, so that the first picture anybody sees is an honest one.
SAMPLE_PICTURE = Path(photos) / "coffee.png"

Tensors = Mapping[str, torch.Tensor]

# Activations of the trained decoder stay below 65504 / 2¹⁰, so a factor of 2¹³ overflows fp16 and leaves fp32 untouched.
OVERFLOW_FACTOR = 2.0**13

SIBLINGS: Mapping[str, Callable[[Tensors], Tensors]] = {
    "demo-pale.safetensors": lambda t: adjust_decoder(
        t, ColourChange.of(saturation=0.55, contrast=0.8, brightness=0.05)
    ),
    "demo-vivid.safetensors": lambda t: adjust_decoder(t, ColourChange.of(saturation=1.45, contrast=1.1)),
    "demo-overflows-in-fp16.safetensors": lambda t: scale_stream(t, "decoder", OVERFLOW_FACTOR),
}


def demo_vaes(folder: Path) -> list[Path]:
    """The trained VAE and its siblings; those not yet in ``folder`` are made now."""
    missing = [name for name in SIBLINGS if not (folder / name).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with open_weights(TRAINED) as weights:
            trained = {name: weights.load(name) for name in weights.inventory.tensors}
            metadata = dict(weights.inventory.metadata)
        for name in missing:
            title = {"modelspec.title": Path(name).stem}
            made = SIBLINGS[name](trained)
            write_safetensors(folder / name, [Recipe.of(*item) for item in made.items()], {**metadata, **title})
    return [TRAINED, *(folder / name for name in SIBLINGS)]
