"""The figures in README.md: how good a demo VAE is on the photos that were held out, beside its teacher.

    python -m demo.measure --teacher FOLDER [--facts known_vaes.json] [--pictures FOLDER]

``--facts`` is a JSON file with ``latent_rgb_factors``; with it the colour probe is told too. ``--pictures`` is where to draw
each photo beside what the teacher and the demo VAE make of it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from vae_workbench.autoencoder.autoencoder import Autoencoder
from vae_workbench.autoencoder.build import load_autoencoder

from .distil import SCALE, signed
from .pictures import HELD_OUT, Picture, photo
from .train import COMMITTED, load_teacher


def padded(picture: Picture) -> Tensor:
    """A picture as 1×3×H×W in −1..1, its last row and column repeated up to multiples of 8."""
    image = signed(torch.from_numpy(picture.copy()).permute(2, 0, 1)[None])
    return F.pad(image, (0, -image.shape[3] % 8, 0, -image.shape[2] % 8), mode="replicate")


def rebuilt(network: Autoencoder, picture: Picture) -> Picture:
    """``picture`` encoded, decoded, and cut to its size."""
    decoded = network.decode(network.encode(padded(picture)))[0].float().clamp(-1, 1)
    pixels = decoded.add(1).mul(127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return pixels[: picture.shape[0], : picture.shape[1]]


def psnr(a: Picture, b: Picture) -> float:
    """Peak signal to noise in dB over all pixels and channels."""
    return float(-10 * np.log10(np.mean((a.astype(np.float64) - b) ** 2) / 255**2))


def latent_errors(network: Autoencoder, teacher: Autoencoder, picture: Picture) -> tuple[float, list[float]]:
    """‖latents − teacher's‖ / ‖teacher's‖ and the correlation of each channel."""
    image = padded(picture)
    given, wanted = network.encode(image)[0] * SCALE, teacher.encode(image)[0]
    pairs = zip(given.flatten(1), wanted.flatten(1), strict=True)
    correlations = [torch.corrcoef(torch.stack(pair))[0, 1].item() for pair in pairs]
    return ((given - wanted).norm() / wanted.norm()).item(), correlations


def probe(network: Autoencoder, factors: list[list[float]]) -> float:
    """How well latents tell colours in the way of a latent space: the cosine of fitted and published latent→RGB factors.

    8×8 random colours are enlarged to 128² and encoded; A in RGB = A·z + b is fitted to the means of 8×8 pixels.

    Args:
        factors: one row of R, G, B for each latent channel.
    """
    colours = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (1, 3, 8, 8))).float()
    chart = F.interpolate(colours, (128, 128), mode="bicubic").clamp(-1, 1)
    z = network.encode(chart)[0].flatten(1).T
    design = torch.cat([z, torch.ones(len(z), 1)], 1)
    fitted = torch.linalg.lstsq(design, F.avg_pool2d(chart, 8)[0].flatten(1).T).solution[:-1]
    return F.cosine_similarity(fitted.flatten(), torch.tensor(factors).flatten(), dim=0).item()


def largest_activation(network: Autoencoder, picture: Picture) -> dict[str, float]:
    """The largest absolute output of any layer of the encoder and of the decoder."""
    largest = {"encoder": 0.0, "decoder": 0.0}

    def watch(name: str, layer: nn.Module) -> None:
        half = "encoder" if name.startswith(("encoder", "quant_conv")) else "decoder"

        def note(_layer: nn.Module, _given: object, made: Tensor) -> None:
            largest[half] = max(largest[half], made.abs().max().item())

        layer.register_forward_hook(note)

    for name, layer in network.named_modules():
        if (
            name not in ("", "encoder", "decoder")
            and not isinstance(layer, nn.ModuleList)
            and hasattr(layer, "forward")
        ):
            watch(name, layer)
    network.decode(network.encode(padded(picture)))
    for layer in network.modules():
        layer._forward_hooks.clear()
    return largest


def report(vae: Path, teacher_folder: Path, facts: Path | None, folder: Path | None) -> None:
    tensors = load_file(vae)
    network, teacher = load_autoencoder(tensors), load_teacher(teacher_folder, torch.device("cpu"))
    half = load_autoencoder(tensors, dtype=torch.float16)
    for name in HELD_OUT:
        picture = photo(name)
        ours, theirs = rebuilt(network, picture), rebuilt(teacher, picture)
        error, correlations = latent_errors(network, teacher, picture)
        print(f"{name}: {psnr(ours, picture):.2f} dB, TAESD {psnr(theirs, picture):.2f} dB;", end=" ")
        print(f"fp16 {psnr(rebuilt(half, picture), picture):.2f} dB; latents' relative error {error:.3f},", end=" ")
        print("correlation", " ".join(f"{value:.3f}" for value in correlations), end="; ")
        print(
            "largest activation",
            {half: round(value, 1) for half, value in largest_activation(network, picture).items()},
        )
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.concatenate([picture, theirs, ours], 1)).save(folder / f"{Path(name).stem}.png")
    if facts is not None:
        factors = json.loads(facts.read_text())["latent_rgb_factors"]
        told = {space: round(probe(network, factors[space]), 3) for space in ("SD15", "SDXL")}
        print("colour probe, cosine with", told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vae", type=Path, default=COMMITTED)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--facts", type=Path)
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    with torch.no_grad():
        report(asked.vae, asked.teacher, asked.facts, asked.pictures)


if __name__ == "__main__":
    main()
