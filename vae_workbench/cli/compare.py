"""``compare``: what each VAE makes of a picture."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from .shared import DONE, DTYPES, UNUSABLE, command, progress_bar


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    compare = command(commands, "compare", run, "what each VAE makes of a picture")
    compare.add_argument("picture", type=Path)
    compare.add_argument(
        "--vae", type=Path, action="append", required=True, help="a VAE or a checkpoint; repeat for more"
    )
    compare.add_argument("--encoder", type=Path, help="encode with this VAE for all (default: each with its own)")
    compare.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for pictures, grid and report.json"
    )
    compare.add_argument("--overwrite", action="store_true", help="replace files of the same names in DIR")
    compare.add_argument(
        "--size", type=int, default=1024, help="longest side in pixels, 0 for any (default: %(default)s)"
    )
    compare.add_argument("--dtype", choices=DTYPES, default="fp32", help="precision (default: %(default)s)")
    compare.add_argument("--device", default="cpu", help="cpu, cuda, mps … (default: %(default)s)")
    compare.add_argument("--latent-space", metavar="NAME", help="needed where a TAESD meets another VAE's latent")


def run(options: argparse.Namespace) -> int:
    import torch  # late: seconds that `inspect` and `--help` should not cost

    from ..autoencoder.latent_space import LATENT_SPACES
    from ..compare.comparison import Settings, compare
    from ..compare.grid import caption
    from ..compare.picture import load_picture
    from ..compare.report import write_report

    dtypes = dict(zip(DTYPES, (torch.float32, torch.bfloat16, torch.float16), strict=True))
    if options.latent_space and options.latent_space not in LATENT_SPACES:
        raise InvalidInput(f"{options.latent_space} is no latent space", f"Name one of {', '.join(LATENT_SPACES)}")
    try:
        device = torch.device(options.device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(
            f"The device {options.device} cannot be used ({str(error).splitlines()[0]})", "Try cpu"
        ) from None
    picture = load_picture(options.picture, longest_side=options.size)
    with progress_bar() as progress:
        comparison = compare(
            picture,
            _candidates(options.vae),
            encoder=_candidates([options.encoder])[0] if options.encoder else None,
            settings=Settings(device, dtypes[options.dtype], LATENT_SPACES.get(options.latent_space)),
            progress=progress,
        )
    written = write_report(comparison, options.out, overwrite=options.overwrite)
    if options.json:
        print(json.dumps(written, ensure_ascii=False))
    else:
        for result in comparison.results:
            print(f"{result.candidate.name}: {' '.join([caption(result), *result.notes])}")
        print(f"Pictures, grid and report are in {options.out}")
    return UNUSABLE if any(result.error for result in comparison.results) else DONE


def _candidates(paths: Sequence[Path]) -> list[Any]:
    """The files under distinct names: the file's own, or its whole path where two are called the same."""
    from ..compare.candidate import Candidate

    names = [path.name for path in paths]
    return [Candidate(path.name if names.count(path.name) == 1 else str(path), path) for path in paths]
