"""``evaluate``: which VAE is better, over a whole data set."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..printable import printable
from ..words import in_language
from .shared import DONE, DTYPES, UNUSABLE, command, progress_bar


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    evaluate = command(
        commands, "evaluate", run, "which VAE is better, over a whole data set; goes on where it was stopped"
    )
    evaluate.add_argument(
        "pictures", type=Path, metavar="DIR|LIST", help="a folder of pictures, or a text file with a path on each line"
    )
    evaluate.add_argument(
        "--vae", type=Path, action="append", required=True, help="a VAE or a checkpoint; repeat for more"
    )
    evaluate.add_argument("--encoder", type=Path, help="encode with this VAE for all (default: each with its own)")
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for results, tables and plots")
    evaluate.add_argument("--sample", type=int, metavar="N", help="take N pictures at random (default: all)")
    evaluate.add_argument("--seed", type=int, default=0, help="of what is drawn at random (default: %(default)s)")
    evaluate.add_argument("--size", type=int, default=256, help="pixels of each side (default: %(default)s)")
    evaluate.add_argument(
        "--crop", choices=("center", "random"), default="center",
        help="the middle, scaled down until it fits, or a window of the picture's own pixels (default: %(default)s)",
    )  # fmt: skip
    evaluate.add_argument("--dtype", choices=DTYPES, action="append", help="precision; repeat for more (default: fp32)")
    evaluate.add_argument("--device", default="cpu", help="cpu, cuda, mps … (default: %(default)s)")
    evaluate.add_argument("--latent-space", metavar="NAME", help="of --encoder, where its file does not tell")
    evaluate.add_argument(
        "--keep", type=int, default=12, metavar="N", help="pictures that are kept where the VAEs differ most"
    )
    where = evaluate.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="K", help="processes (default: one for each core)")
    where.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="let a Ray cluster do it, such as auto or 192.168.0.1:6379; local: this machine",
    )


def run(options: argparse.Namespace) -> int:
    import torch  # late: seconds that `inspect` and `--help` should not cost

    from ..compare.decoding.settings import fp16_warning
    from ..evaluate.compute import compute
    from ..evaluate.evaluation import begin
    from ..evaluate.report.report import write_report
    from ..evaluate.report.tables import as_text

    job = _job(options)
    warnings = {fp16_warning(torch.device(job.device), precision) for precision in job.precisions}
    for warning in filter(None, warnings):
        print(in_language(warning), file=sys.stderr)
    with progress_bar() as progress:
        evaluation = begin(options.pictures, job, options.out, options.sample, progress)
        compute(evaluation, workers=options.workers, ray=options.ray, progress=progress)
        summary = write_report(evaluation, max(0, options.keep), progress)
    if options.json:
        print(json.dumps(summary.to_json(), ensure_ascii=False))
    else:
        print(as_text(summary))
        print(in_language(f"Tables, plots, evaluation.html and all results are in {printable(str(options.out))}"))
    return UNUSABLE if summary.unusable else DONE


def _job(options: argparse.Namespace) -> Any:
    import torch

    from ..autoencoder.latent_space import LATENT_SPACES
    from ..evaluate.job import Job
    from ..evaluate.measuring.lpips import is_installed

    if options.latent_space and options.latent_space not in LATENT_SPACES:
        raise InvalidInput(f"{options.latent_space} is no latent space", f"Name one of {', '.join(LATENT_SPACES)}")
    if options.workers is not None and options.workers < 1:
        raise InvalidInput(f"{options.workers} is no number of workers", "Give 1 or more")
    try:
        torch.empty(0, device=torch.device(options.device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(
            f"The device {options.device} cannot be used ({str(error).splitlines()[0]})", "Try cpu"
        ) from None
    *vaes, encoder = _candidates([*options.vae, *([options.encoder] if options.encoder else [])], bool(options.encoder))
    return Job(
        "",
        tuple(vaes),
        encoder,
        precisions=tuple(dict.fromkeys(options.dtype or ("fp32",))),
        size=options.size,
        crop=options.crop,
        seed=options.seed,
        device=options.device,
        latent_space=options.latent_space,
        lpips=is_installed(),
    )


def _candidates(paths: Sequence[Path], has_encoder: bool) -> list[Any]:
    """The VAEs under distinct names, and the encoder or ``None`` as the last."""
    from ..compare.decoding.candidate import Candidate

    vaes = list(dict.fromkeys(paths[:-1] if has_encoder else paths))
    names = [path.name for path in vaes]
    made: list[Any] = [
        Candidate(printable(path.name if names.count(path.name) == 1 else str(path)), path.absolute()) for path in vaes
    ]
    return [*made, Candidate(printable(paths[-1].name), paths[-1].absolute()) if has_encoder else None]
