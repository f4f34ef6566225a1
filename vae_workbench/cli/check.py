"""``check``: where the activations of a VAE would overflow."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, TargetExists
from ..progress import part
from .shared import DONE, DTYPES, UNUSABLE, command, progress_bar


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    check = command(commands, "check", run, "where the activations of a VAE would overflow, and what it needs")
    check.add_argument("vae", type=Path, help="a VAE or a checkpoint")
    source = check.add_mutually_exclusive_group()
    source.add_argument("--latents", type=Path, metavar="FILE", help="decode these raw latents")
    source.add_argument("--picture", type=Path, metavar="FILE", help="encode and decode this picture")
    check.add_argument("--dtype", choices=DTYPES, default="fp16", help="precision to fit into (default: %(default)s)")
    check.add_argument("--chart", type=Path, metavar="FILE", help="draw the activation maxima as a PNG")
    check.add_argument("--overwrite", action="store_true", help="replace the chart if it exists")


def run(options: argparse.Namespace) -> int:
    from ..autoencoder.kl import KLAutoencoder
    from ..autoencoder.open_file import open_autoencoder
    from ..identity.damage import damaged_tensors
    from ..precision.chart import draw_chart
    from ..precision.check import LIMITS, HalfCheck, check_half

    if options.chart and options.chart.exists() and not options.overwrite:
        raise TargetExists(options.chart, f"{options.chart} already exists", "Name another file, or use --overwrite")
    with progress_bar() as progress:
        damaged = damaged_tensors(options.vae, part(progress, 0.0, 0.5))
        network = open_autoencoder(options.vae)
        if not isinstance(network, KLAutoencoder):
            raise InvalidInput(
                f"{options.vae.name} is a tiny autoencoder", "It cannot overflow: there is nothing to check"
            )
        progress(0.6, "running it in fp32")
        picture, latents = _check_input(options, network)
        checks: list[HalfCheck] = []
        if picture is not None and network.has_encoder:
            checks.append(check_half(network, "encoder", picture, options.dtype))
        if latents is not None and network.has_decoder:
            checks.append(check_half(network, "decoder", latents, options.dtype))
    if options.chart:
        draw_chart(checks, LIMITS[options.dtype]).save(options.chart, "PNG")
    if options.json:
        told = [{**asdict(check), "needs": check.needs.value} for check in checks]
        print(json.dumps({"vae": str(options.vae), "dtype": options.dtype, "damaged": damaged, "halves": told}))
    else:
        print("\n".join([*(f"{name} holds NaN or infinite weights" for name in damaged), *map(_check_text, checks)]))
    return UNUSABLE if damaged or any(check.not_finite_at for check in checks) else DONE


def _check_input(options: argparse.Namespace, network: Any) -> tuple[Any, Any]:
    """The picture for the encoder and the latents for the decoder; without either option, a colour chart and what the VAE
    itself makes of it, or noise of the size of raw SD1 latents where it has no encoder."""
    import torch

    from ..compare.picture import load_picture
    from ..identity.colour_probe import chart

    if options.latents:
        return None, _load_latents(options.latents)
    picture = chart(network.downscale)
    if options.picture:
        pixels = load_picture(options.picture).pixels * 2 - 1
        height, width = (side // network.downscale * network.downscale for side in pixels.shape[2:])
        picture = pixels[..., :height, :width]
    if network.has_encoder:
        with torch.inference_mode():
            return picture, network.encode(picture)
    generator = torch.Generator().manual_seed(0)
    return None, 5.5 * torch.randn(1, network.latent_channels, 16, 16, generator=generator)


def _load_latents(path: Path) -> Any:
    """The first tensor of four dimensions in a file: raw latents."""
    from ..precision.finite import all_finite
    from ..weights.reader import open_weights

    with open_weights(path) as reader:
        name = next((name for name, tensor in reader.inventory.tensors.items() if len(tensor.shape) == 4), None)
        if name is None:
            raise InvalidInput(f"{path.name} holds no latents", "Give a file with a tensor of shape B×C×h×w")
        latents = reader.load(name).float()
    if not all_finite(latents):
        raise InvalidInput(
            f"The latents of {path.name} hold NaN or infinite values already: the VAE is not to blame",
            "Look at the sampler or the model that made them",
        )
    return latents


def _check_text(check: Any) -> str:
    tightest = min(check.stages, key=lambda stage: stage.headroom)
    room = f"{tightest.headroom:.3g} times headroom at the tightest stage, {tightest.name} ({tightest.maximum:.3g})"
    where = f"would overflow at {check.overflows_at}; " if check.overflows_at else ""
    if check.not_finite_at:
        where = f"gives NaN or infinite values even in fp32, first at {check.not_finite_at}; "
    stages = [f"  {stage.name:32} {stage.maximum:12.4g}  {stage.headroom:10.3g}" for stage in check.stages]
    return "\n".join([f"{check.half}: needs {check.needs.value}; {where}{room}", *stages])
