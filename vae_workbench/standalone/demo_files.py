"""The demo VAEs: one small trained autoencoder, and siblings made from it on first use.

They are toys of 5 million parameters, there to have something to click on. The siblings differ from the trained one by
exact edits of its weights, so what they show is real: colours that are too pale or too vivid, purple blotches, and a residual
stream that is too large for fp16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from ..autoencoder.latent_space import LATENT_SPACES
from ..beside import BESIDE
from ..edit.adjust import ColourChange, adjust_decoder
from ..identity.colour_probe import FACTORS
from ..precision.rescale import scale_stream
from ..weights.reader import open_weights
from ..weights.writer import Recipe, write_safetensors

DEMO = BESIDE / "demo"
TRAINED = DEMO / "demo-vae-sd1.safetensors"

Tensors = Mapping[str, torch.Tensor]

# Activations of the trained decoder reach some 1,000, so a factor of 2¹³ overflows fp16 and leaves fp32 untouched.
OVERFLOW_FACTOR = 2.0**13

BLOTCHING = "decoder.mid.block_2"
BLOTCHING_CHANNEL = 78
"""A channel inside that block which is strong at eyes and at corners of lines, in few places of a picture."""

STRONG, STEEPNESS, SPREAD = 1.4, 4.0, (0.47, 0.67, 0.47)
"""From how many of its norm's units on the channel acts, how much faster it then rises, and the spots across three places."""

PURPLE = (0.1, -0.9, 0.5)
"""What a spot adds to red, green and blue in −1..1."""


def blotched(tensors: Tensors) -> Tensors:
    """Purple spots, in the way in which they come about: one channel inside runs away where it is strong.

    In other places the channel gives nothing any more. Where it is strong the block adds to the stream what ``conv_in`` makes
    of a latent that is purple by the published factors.
    """
    to_rgb = torch.tensor(FACTORS["sd1"]).T * LATENT_SPACES["sd1"].scale
    latent = torch.linalg.pinv(to_rgb) @ torch.tensor(PURPLE)
    into_stream = (
        tensors["decoder.conv_in.weight"].float().sum((2, 3)) @ tensors["post_quant_conv.weight"].float()[..., 0, 0]
    )
    line = torch.tensor(SPREAD)
    norm, bias, conv = (f"{BLOTCHING}.{name}" for name in ("norm2.weight", "norm2.bias", "conv2.weight"))
    changed = {name: tensors[name].clone() for name in (norm, bias, conv)}
    changed[norm][BLOTCHING_CHANNEL] *= STEEPNESS
    changed[bias][BLOTCHING_CHANNEL] = STEEPNESS * (changed[bias][BLOTCHING_CHANNEL] - STRONG)
    spot = (into_stream @ latent)[:, None, None] * torch.outer(line, line)
    changed[conv][:, BLOTCHING_CHANNEL] = spot.to(changed[conv].dtype)
    return {**tensors, **changed}


SIBLINGS: Mapping[str, Callable[[Tensors], Tensors]] = {
    "demo-pale.safetensors": lambda t: adjust_decoder(
        t, ColourChange.of(saturation=0.55, contrast=0.8, brightness=0.05)
    ),
    "demo-vivid.safetensors": lambda t: adjust_decoder(t, ColourChange.of(saturation=1.45, contrast=1.1)),
    "demo-blotched.safetensors": blotched,
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
    made_files = [folder / name for name in SIBLINGS]
    for path in made_files:  # a new copy of this repository is younger than siblings that were made by an old one
        if path.stat().st_mtime_ns <= TRAINED.stat().st_mtime_ns:
            path.touch()
    return [TRAINED, *made_files]
