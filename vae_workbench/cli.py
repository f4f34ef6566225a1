"""The same abilities in a terminal: ``python -m vae_workbench``; ``--json`` for programs.

Exit codes: 0 done; 2 a file, picture or option could not be used (one sentence says which and why); 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import InvalidInput, TargetExists, WorkbenchError
from .progress import Progress, part
from .weights.inventory import Inventory, read_inventory

if TYPE_CHECKING:
    from .identity.verdict import Verdict
    from .library.collection import Collection
    from .library.entry import Entry

DONE, UNUSABLE, INTERRUPTED = 0, 2, 130
DTYPES = ("fp32", "bf16", "fp16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    for stream in (sys.stdout, sys.stderr):  # names of files and tensors can hold anything, consoles cannot show it all
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except WorkbenchError as error:
        if options.json:
            print(json.dumps({"error": str(error)}, ensure_ascii=False))
        else:
            print(error, file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("Interrupted; nothing was left half-written.", file=sys.stderr)
        return INTERRUPTED


def _inspect(options: argparse.Namespace) -> int:
    inventory = read_inventory(options.file)
    print(json.dumps(_inventory_json(inventory), ensure_ascii=False) if options.json else _inventory_text(inventory))
    return DONE


def _inventory_json(inventory: Inventory) -> dict[str, Any]:
    return {
        "container": inventory.container,
        "metadata": dict(inventory.metadata),
        "tensors": {name: {"dtype": t.dtype, "shape": list(t.shape)} for name, t in inventory.tensors.items()},
    }


def _inventory_text(inventory: Inventory) -> str:
    values = sum(math.prod(tensor.shape) for tensor in inventory.tensors.values())
    lines = [f"{inventory.path}: {inventory.container}, {len(inventory.tensors)} tensors, {values:,} values"]
    lines += [f"  {key} = {value}" for key, value in inventory.metadata.items()]
    width = max(map(len, inventory.tensors), default=0)
    lines += [f"{name:{width}}  {t.dtype:8} {'×'.join(map(str, t.shape))}" for name, t in inventory.tensors.items()]
    return "\n".join(lines)


def _identify(options: argparse.Namespace) -> int:
    from .identity.examine import examine
    from .identity.identify import with_probe, with_sha256
    from .identity.judge import judge, taught
    from .identity.references import References
    from .identity.verdict import to_json

    found = [examine(path) for path in options.paths]
    with _progress() as progress:
        steps = [step for step, wanted in ((with_sha256, options.sha256), (with_probe, options.probe)) if wanted]
        for step in steps:
            found = [step(one, part(progress, i / len(found), (i + 1) / len(found))) for i, one in enumerate(found)]
    # Each file is judged in the light of all others, so that copies and baked VAEs give each other their names.
    known = References(filter(None, map(taught, found)))
    verdicts = [judge(one, known) for one in found]
    if options.json:
        print(json.dumps([to_json(verdict) for verdict in verdicts], ensure_ascii=False))
    else:
        print("\n".join(map(_verdict_text, verdicts)))
    return UNUSABLE if any(verdict.kind == "broken" for verdict in verdicts) else DONE


def _scan(options: argparse.Namespace) -> int:
    from .identity.verdict import to_json
    from .library.places import data_folder, library_in

    for folder in options.folders:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder", "Give folders that hold VAEs or checkpoints")
    library = library_in(options.data or data_folder())
    with _progress() as progress:
        report = library.scan(options.folders, part(progress, 0.0, 0.5 if options.sha256 else 1.0))
        waiting = library.unhashed() if options.sha256 else []
        for place, path in enumerate(waiting):
            share = 0.5 / len(waiting)
            library.compute_sha256(path, part(progress, 0.5 + share * place, 0.5 + share * (place + 1)))
    entries = library.collection().entries
    for complaint in report.complaints:
        print(complaint, file=sys.stderr)
    if options.json:
        told = [{"name": e.name, "size": e.size, "sha256": e.sha256, **to_json(e.verdict)} for e in entries]
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n".join(_verdict_text(entry.verdict) for entry in entries))
        print(f"{report.files} files, {report.examined} of them new or changed, {report.gone} gone.")
    return UNUSABLE if any(entry.verdict.kind == "broken" for entry in entries) else DONE


def _choose(options: argparse.Namespace) -> int:
    from .choice.assign import preferred_vae
    from .choice.decide import Source, decide, to_json
    from .choice.hint import hint
    from .choice.mirror import mirror
    from .choice.preference_store import PreferenceStore
    from .library.places import data_folder

    store = PreferenceStore(data_folder() / "preferences.json")
    checkpoint, library = _around(options.checkpoint, options.vae_dir)
    problems = mirror(store, [checkpoint], library)
    if options.set or options.clear:
        vae = preferred_vae(options.set, [checkpoint], library, force=options.force) if options.set else None
        store.change(lambda now: now.with_overrides([checkpoint], vae, library.checkpoints))
        problems = mirror(store, [checkpoint], library)
    preferences = store.read()
    choice = decide(checkpoint, "Automatic", preferences, library)
    advice = hint(checkpoint, choice, preferences, library)
    for problem in problems:
        print(problem, file=sys.stderr)
    if options.json:
        told = {"checkpoint": checkpoint.path, **to_json(choice), "hint": advice and advice.text}
        print(json.dumps(told, ensure_ascii=False))
    else:
        used = "nothing" if choice.source is Source.NOTHING else choice.vae.name if choice.vae else "its own VAE"
        lines = [f"{checkpoint.name}: {used} ({choice.reason})", *choice.warnings, *([advice.text] if advice else [])]
        for step in choice.steps:
            lines.append(f"{'→' if step.taken else ' '} {step.source.value}: {step.found or '–'}. {step.why}")
        print("\n  ".join(lines))
    return UNUSABLE if choice.source is Source.NOTHING else DONE


def _around(path: Path, folders: Sequence[Path]) -> tuple[Entry, Collection]:
    """A checkpoint, and what matters for it: the VAEs beside it and those below the folders."""
    from .choice.proposals import BESIDE_ENDINGS
    from .library.places import data_folder, library_in
    from .library.walk import walk

    for folder in folders:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder", "Give folders that hold VAEs")
    library = library_in(data_folder())
    checkpoint = library.entry(path)
    if checkpoint.verdict.kind != "checkpoint":
        raise InvalidInput(checkpoint.verdict.error or f"{path} is not a checkpoint")
    beside = (file for file in Path(checkpoint.path).parent.iterdir() if file.name.endswith(BESIDE_ENDINGS))
    found = library.among([path, *beside, *walk(folders).files])
    return found.by_path(path) or checkpoint, found


def _verdict_text(verdict: Verdict) -> str:
    told = [verdict.kind, verdict.architecture, verdict.dtype, verdict.known_as]
    if verdict.latent_space:
        told.append(f"latent space {verdict.latent_space} ({verdict.certainty})")
    if verdict.baked:
        told.append(
            f"baked VAE: {verdict.baked.state}" + (f", {verdict.baked.known_as}" if verdict.baked.known_as else "")
        )
    lines = [f"{verdict.path}: {', '.join(filter(None, told))}"]
    copies = f"The same VAE is in {', '.join(verdict.copies_of)}." if verdict.copies_of else None
    relations = [relative.text for relative in verdict.relatives]
    return "\n  ".join([*lines, *dict.fromkeys(filter(None, (verdict.error, *verdict.reasons, copies, *relations)))])


def _compare(options: argparse.Namespace) -> int:
    import torch  # late: seconds that `inspect` and `--help` should not cost

    from .autoencoder.latent_space import LATENT_SPACES
    from .compare.comparison import Settings, compare
    from .compare.grid import caption
    from .compare.picture import load_picture
    from .compare.report import write_report

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
    with _progress() as progress:
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


def _check(options: argparse.Namespace) -> int:
    from .autoencoder.kl import KLAutoencoder
    from .autoencoder.open_file import open_autoencoder
    from .identity.damage import damaged_tensors
    from .precision.chart import draw_chart
    from .precision.check import LIMITS, HalfCheck, check_half

    if options.chart and options.chart.exists() and not options.overwrite:
        raise TargetExists(options.chart, f"{options.chart} already exists", "Name another file, or use --overwrite")
    with _progress() as progress:
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

    from .compare.picture import load_picture
    from .identity.colour_probe import chart

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
    from .precision.finite import all_finite
    from .weights.reader import open_weights

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


def _candidates(paths: Sequence[Path]) -> list[Any]:
    """The files under distinct names: the file's own, or its whole path where two are called the same."""
    from .compare.candidate import Candidate

    names = [path.name for path in paths]
    return [Candidate(path.name if names.count(path.name) == 1 else str(path), path) for path in paths]


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on stderr, where somebody is looking."""
    from tqdm import tqdm

    with tqdm(total=100, bar_format="{percentage:3.0f}% {bar:30} {desc}", leave=False, disable=None) as bar:

        def show(fraction: float, what: str) -> None:
            bar.set_description_str(what, refresh=False)
            bar.update(100 * fraction - bar.n)

        yield show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m vae_workbench", description="VAEs in a terminal.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    inspect = _command(
        commands, "inspect", _inspect, "container, metadata and tensors of a file, from its header alone"
    )
    inspect.add_argument("file", type=Path)

    identify = _command(commands, "identify", _identify, "what each file is, how sure that is, and why")
    identify.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="VAEs and checkpoints; they explain each other"
    )
    identify.add_argument(
        "--probe", action="store_true", help="encode a colour chart where the latent space is not certain"
    )
    identify.add_argument(
        "--sha256", action="store_true", help="read whole files, to find published ones by their hash"
    )

    scan = _command(commands, "scan", _scan, "what all files in some folders are; unchanged ones are not read again")
    scan.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folders of VAEs and checkpoints")
    scan.add_argument("--sha256", action="store_true", help="read the VAE files whole, to find published ones by hash")
    scan.add_argument(
        "--data", type=Path, metavar="DIR", help="where the index is kept (default: the user's data folder)"
    )

    choose = _command(commands, "choose", _choose, "which VAE a checkpoint gets, and why; or set it")
    choose.add_argument("checkpoint", type=Path)
    change = choose.add_mutually_exclusive_group()
    change.add_argument("--set", metavar="VAE", help="use this one for it from now on; None for its own")
    change.add_argument("--clear", action="store_true", help="take that back")
    choose.add_argument("--force", action="store_true", help="set it although it probably does not fit")
    choose.add_argument(
        "--vae-dir", type=Path, action="append", default=[], metavar="DIR", help="a folder of VAEs; repeat for more"
    )

    compare = _command(commands, "compare", _compare, "what each VAE makes of a picture")
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
    _add_check(commands)
    return parser


def _add_check(commands: Any) -> None:
    check = _command(commands, "check", _check, "where the activations of a VAE would overflow, and what it needs")
    check.add_argument("vae", type=Path, help="a VAE or a checkpoint")
    source = check.add_mutually_exclusive_group()
    source.add_argument("--latents", type=Path, metavar="FILE", help="decode these raw latents")
    source.add_argument("--picture", type=Path, metavar="FILE", help="encode and decode this picture")
    check.add_argument("--dtype", choices=DTYPES, default="fp16", help="precision to fit into (default: %(default)s)")
    check.add_argument("--chart", type=Path, metavar="FILE", help="draw the activation maxima as a PNG")
    check.add_argument("--overwrite", action="store_true", help="replace the chart if it exists")


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], description: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=description, description=description)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser
