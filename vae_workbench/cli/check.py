"""``check``: where the activations of a VAE would overflow."""

from __future__ import annotations

import argparse
import io
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..printable import printable
from ..targets import check_file_target, write_whole
from ..words import in_language
from .shared import DONE, DTYPES, UNUSABLE, command, progress_bar

NEEDS = {
    "fp16": "runs in fp16",
    "fp16 rescaled": "overflows in fp16, and runs in fp16 once its weights are rescaled, which changes nothing else",
    "bf16": "overflows in fp16, and runs in bf16",
    "fp32": "overflows in fp16, rescaled too, and runs in fp32",
}
"""What each precision that a half needs means."""


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
    from ..compare.sources.picture import load_picture
    from ..library.file_check import check_file
    from ..precision.chart import draw_chart
    from ..precision.check import LIMITS

    if options.chart:
        check_file_target(options.chart, overwrite=options.overwrite)
    with progress_bar() as progress:
        checked = check_file(
            options.vae,
            picture=load_picture(options.picture).pixels * 2 - 1 if options.picture else None,
            latents=load_latents(options.latents) if options.latents else None,
            dtype=options.dtype,
            progress=progress,
        )
    if options.chart:
        drawn = io.BytesIO()
        draw_chart(checked.halves, LIMITS[options.dtype]).save(drawn, "PNG")
        write_whole(options.chart, drawn.getvalue())
    if options.json:
        told = {
            "vae": str(options.vae),
            "dtype": options.dtype,
            "damaged": checked.damaged,
            "warnings": checked.warnings,
        }
        print(json.dumps({**told, "halves": [_check_json(check) for check in checked.halves]}, allow_nan=False))
    else:
        damaged = (f"{printable(name)} holds NaN or infinite weights" for name in checked.damaged)
        print(
            "\n".join(
                [
                    *damaged,
                    *(in_language(printable(warning)) for warning in checked.warnings),
                    *map(_check_text, checked.halves),
                ]
            )
        )
    return UNUSABLE if checked.damaged or any(check.not_finite_at for check in checked.halves) else DONE


def load_latents(path: Path) -> Any:
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


def _check_json(check: Any) -> dict[str, Any]:
    """JSON has no infinity: a ``maximum`` or ``headroom`` that is none is null, and ``finite`` tells which stages are broken."""
    told = asdict(check)
    for stage in told["stages"]:
        stage["finite"] = math.isfinite(stage["maximum"])
        for key in ("maximum", "headroom"):
            stage[key] = stage[key] if math.isfinite(stage[key]) else None
    return {**told, "needs": check.needs.value}


def _check_text(check: Any) -> str:
    stages = [f"  {stage.name:32} {stage.maximum:12.4g}  {stage.headroom:10.3g}" for stage in check.stages]
    return "\n".join([f"{check.half}: {_summary(check)}", *stages])


def _summary(check: Any) -> str:
    if check.not_finite_at:
        return f"gives NaN or infinite values in every precision, first at {check.not_finite_at}"
    tightest = min(check.stages, key=lambda stage: stage.headroom)
    if tightest.maximum == 0:
        return "makes nothing but zeros"
    where = f"; it would overflow at {check.overflows_at}" if check.overflows_at else ""
    room = f"{tightest.headroom:.3g} times headroom at the tightest stage, {tightest.name} ({tightest.maximum:.3g})"
    return f"{NEEDS[check.needs.value]}{where}; {room}"
