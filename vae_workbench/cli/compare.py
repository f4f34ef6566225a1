"""``compare``: what each VAE makes of pictures and latents."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, WorkbenchError
from ..printable import printable
from ..targets import check_file_target
from ..words import in_language
from .shared import DONE, DTYPES, UNUSABLE, command, progress_bar

if TYPE_CHECKING:
    import torch

    from ..compare.decoding.candidate import Candidate
    from ..compare.folder.folder import ComparisonFolder
    from ..compare.sources.sources import Source

VIEWS = ("grid", "diff", "flip", "loss", "latent")
AUTO = "auto"

Unusable = list[tuple[str, str]]
"""Sources that cannot be used, as they were named, each with a sentence that says why."""


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    compare = command(commands, "compare", run, "what each VAE makes of pictures and latents")
    compare.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="picture, folder of pictures, latent file, or builtin:face …"
    )
    compare.add_argument(
        "--vae", type=Path, action="append", required=True, help="a VAE or a checkpoint; repeat for more"
    )
    compare.add_argument("--encoder", type=Path, help="encode with this VAE for all (default: each with its own)")
    compare.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the comparison; one that is there is gone on with",
    )
    compare.add_argument("--html", type=Path, metavar="FILE", help="all of it as one HTML file with a viewer, to share")
    compare.add_argument("--overwrite", action="store_true", help="replace files of the same names")
    compare.add_argument(
        "--views", type=_views, default=VIEWS[:1], help=f"any of {','.join(VIEWS)} (default: {VIEWS[0]})"
    )
    compare.add_argument("--against", type=Path, metavar="VAE", help="for diff and flip (default: the source)")
    compare.add_argument(
        "--rounds", type=int, default=5, metavar="K", help="of encoding and decoding, for loss (default: %(default)s)"
    )
    compare.add_argument(
        "--size", type=int, default=1024, help="longest side of pictures in pixels, 0 for any (default: %(default)s)"
    )
    compare.add_argument(
        "--dtype", choices=(AUTO, *DTYPES), default=AUTO, help="precision (default: what each VAE needs)"
    )
    compare.add_argument("--device", default="cpu", help="cpu, cuda, mps … (default: %(default)s)")
    compare.add_argument("--latent-space", metavar="NAME", help="of latents, where nothing tells it")


def run(options: argparse.Namespace) -> int:
    from ..autoencoder.latent_space import LATENT_SPACES  # late: seconds that `inspect` and `--help` should not cost
    from ..compare.contents import add_contents, complete
    from ..compare.decoding.settings import Settings, fp16_warning
    from ..compare.html_file import write_html
    from ..compare.report import check_target, write_report

    settings = Settings(_device(options.device), options.dtype, _known_space(options.latent_space, LATENT_SPACES))
    vaes, encoder = _candidates(options.vae), options.encoder
    _check(options)
    check_target(options.out, overwrite=options.overwrite)
    unusable: Unusable = []
    sources = _load(options.sources, options.size, unusable)
    if warning := fp16_warning(settings.device, settings.precision):
        print(in_language(warning), file=sys.stderr)
    folder = _opened(options.out, overwrite=options.overwrite)
    against = _id_of(options.against) if options.against else None
    with folder.held():
        try:
            with progress_bar() as progress:
                add_contents(folder, sources, vaes)
                complete(
                    folder,
                    vaes,
                    encoder=_candidates([encoder])[0] if encoder else None,
                    settings=settings,
                    views=options.views,
                    rounds=options.rounds,
                    progress=progress,
                )
        except KeyboardInterrupt:
            kept = f"What was done is kept in {printable(str(options.out))}; the same command goes on."
            print(in_language(kept), file=sys.stderr)
            raise
        written = write_report(folder, unusable)
        if options.html:
            write_html(folder, options.html, overwrite=options.overwrite)
        undrawn = _draw(folder, options.views, against)
    if options.json:
        print(json.dumps(written, ensure_ascii=False))
    else:
        _tell(folder, unusable, options)
    print(*(in_language(printable(line)) for line in undrawn), sep="\n", end="\n" if undrawn else "", file=sys.stderr)
    return UNUSABLE if unusable or undrawn or any(cell.error for cell in folder.cells.values()) else DONE


def _views(text: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(filter(None, text.split(","))))
    if unknown := [view for view in named if view not in VIEWS]:
        raise argparse.ArgumentTypeError(f"{printable(unknown[0])} is no view; choose any of {','.join(VIEWS)}")
    return named


def _device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidInput(f"The device {name} cannot be used ({str(error).splitlines()[0]})", "Try cpu") from None
    return device


def _known_space(name: str | None, known: Any) -> Any:
    if name and name not in known:
        raise InvalidInput(f"{name} is no latent space", f"Name one of {', '.join(known)}")
    return known.get(name)


def _check(options: argparse.Namespace) -> None:
    """What can be told to be wrong before anything is written."""
    from ..compare.views.generation_loss import check_rounds
    from ..weights.reader import open_weights

    check_rounds(options.rounds)
    if options.against and options.against not in options.vae:
        raise InvalidInput(f"{options.against} is not compared", "Name it with --vae as well")
    if options.encoder:
        with open_weights(options.encoder):
            pass
    if options.html:
        check_file_target(options.html, overwrite=options.overwrite)


def _load(named: Sequence[str], longest_side: int, unusable: Unusable) -> Iterator[Source]:
    """The sources one after the other, each once; ``unusable`` gets what cannot be one.

    Raises:
        InvalidInput: at once, none can be used.
    """
    sources = _each(named, longest_side, unusable)
    first = next(sources, None)
    if first is None:
        raise InvalidInput(" ".join(sentence for _, sentence in unusable))
    return chain([first], sources)


def _each(named: Sequence[str], longest_side: int, unusable: Unusable) -> Iterator[Source]:
    from ..compare.sources.sources import each_source

    for name in named:
        failed: list[str] = []
        try:
            yield from each_source([name], longest_side, failed)
        except WorkbenchError as error:
            failed.append(str(error))
        unusable += [(printable(name), sentence) for sentence in failed]


def _candidates(paths: Sequence[Path]) -> list[Candidate]:
    """The files under distinct names: the file's own, or its whole path where two are called the same."""
    from ..compare.decoding.candidate import Candidate

    names = [path.name for path in paths]
    return [Candidate(printable(path.name if names.count(path.name) == 1 else str(path)), path) for path in paths]


def _opened(path: Path, *, overwrite: bool) -> ComparisonFolder:
    """The comparison that is there, or a new one; ``overwrite`` replaces one that cannot be read."""
    from ..compare.folder.folder import ComparisonFolder
    from ..errors import DamagedFile, UnsupportedFile

    try:
        return ComparisonFolder(path)
    except (DamagedFile, UnsupportedFile) as error:
        if not overwrite:
            raise
        Path(error.path).unlink()
        return ComparisonFolder(path)


def _id_of(vae: Path) -> str:
    """The id of a VAE that is to be compared: of its file as it is now."""
    from ..compare.decoding.cells import vae_record

    return vae_record(_candidates([vae])[0]).id


def _draw(folder: ComparisonFolder, views: Sequence[str], against: str | None) -> list[str]:
    """Writes those views that are pictures of the whole, and gives a sentence for each that cannot be drawn."""
    from ..compare.report import GRID, draw_differences, draw_sheets
    from ..compare.views.grid_picture import write_grid
    from ..compare.views.heat_maps import HEAT_MAPS
    from ..compare.views.view_sheets import SHEETS

    drawing: dict[str, Callable[[], object]] = {
        "grid": lambda: write_grid(folder, folder.path / GRID, overwrite=True),
        **{view: partial(draw_differences, folder, view, against) for view in HEAT_MAPS},
        **{view: partial(draw_sheets, folder, view) for view in SHEETS},
    }
    undrawn = []
    for view in views:
        try:
            drawing[view]()
        except WorkbenchError as error:
            undrawn.append(str(error))
    return undrawn


def _tell(folder: ComparisonFolder, unusable: Unusable, options: argparse.Namespace) -> None:
    from .compare_text import comparison_lines

    for line in (*(sentence for _, sentence in unusable), *comparison_lines(folder)):
        print(in_language(printable(line)))
    print(in_language(f"Pictures and report.json are in {printable(str(options.out))}"))
    if options.html:
        print(in_language(f"To be shared: {printable(str(options.html))}"))
