"""What the commands share that write a new VAE or checkpoint: their options, and how they tell what was done."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, sentence_of
from ..printable import printable
from ..progress import part
from .shared import DONE, UNUSABLE, progress_bar

if TYPE_CHECKING:
    from ..edit.recipe import Recipe
    from ..edit.save import Saved

ENDING = ".safetensors"


def add_target(parser: argparse.ArgumentParser, many: bool = False) -> None:
    """The options of a command that writes."""
    what = "the new file; with several files, the folder for the new ones" if many else "the new file"
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"{what} (needed but for --dry-run)")
    parser.add_argument("--dry-run", action="store_true", help="check and tell everything, and write nothing")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def target_of(options: argparse.Namespace, source: Path, ending: str = "") -> Path:
    """Where to write: ``--out``, or in a trial a name beside the source that is never written.

    Raises:
        InvalidInput: there is no ``--out``.
    """
    if options.out is None and not options.dry_run:
        raise InvalidInput("It is not said where to write", "Use --out FILE, or --dry-run to look first")
    name = stem_of(source) + ending + ENDING
    if options.out is None:
        return source.with_name(f"{stem_of(source)}.new{ENDING}")
    return Path(options.out) / name if options.out.is_dir() else Path(options.out)


def targets_of(options: argparse.Namespace, sources: Sequence[Path], ending: str = "") -> list[Path]:
    """The same for several files; ``--out`` is then a folder. Files of one name get numbers: ``a``, ``a-2``.

    Raises:
        InvalidInput: it is no folder.
    """
    if len(sources) == 1 or options.out is None:
        return [target_of(options, source, ending) for source in sources]
    if not options.out.is_dir():
        raise InvalidInput(
            f"{options.out} is no folder, and there are {len(sources)} files", "Name a folder that is there"
        )
    names: list[str] = []
    for source in sources:
        stems = chain((stem_of(source),), (f"{stem_of(source)}-{number}" for number in count(2)))
        taken = {name.lower() for name in names}  # as Windows and macOS count names
        names.append(next(name for stem in stems if (name := stem + ending + ENDING).lower() not in taken))
    return [options.out / name for name in names]


def stem_of(source: Path) -> str:
    """The name without its ending."""
    return source.name.removesuffix(".index.json").rsplit(".", 1)[0] if "." in source.name else source.name


def run_recipes(recipes: Sequence[Recipe], targets: Sequence[Path], options: argparse.Namespace) -> int:
    """Makes the files and tells of each; one that fails fails alone, if there are several."""
    results: list[Saved | Exception] = []
    with progress_bar() as progress:
        for number, (recipe, target) in enumerate(zip(recipes, targets, strict=True)):
            within = part(progress, number / len(recipes), (number + 1) / len(recipes))
            try:
                saved = recipe.save(target, overwrite=options.force, dry_run=options.dry_run, progress=within)
                results.append(saved)
            except Exception as error:
                if len(recipes) == 1:
                    raise
                results.append(error)
    sources = [Path(recipe.source).name for recipe in recipes]
    told = [_json(source, result) for source, result in zip(sources, results, strict=True)]
    if options.json:
        print(json.dumps(told[0] if len(told) == 1 else told, ensure_ascii=False))
    else:
        print("\n".join(_text(each, named=len(told) > 1) for each in told))
    return UNUSABLE if any(isinstance(result, Exception) for result in results) else DONE


def _json(source: str, result: Saved | Exception) -> dict[str, Any]:
    if isinstance(result, Exception):
        return {"source": source, "error": sentence_of(result)}
    return {
        "source": source,
        "file": str(result.path),
        "written": result.written,
        "bytes": result.size,
        "tensors": result.tensors,
        "done": list(result.done),
        "notes": list(result.notes),
    }


def _text(told: dict[str, Any], named: bool) -> str:
    """What is told of a file; ``named``: with the name of the file that it was made from."""
    if "error" in told:
        return printable(f"{told['source']}: {told['error']}")
    size = f"{told['tensors']} tensors, {told['bytes'] / 1e6:,.1f} MB"
    made = f"{told['source']} → {told['file']}" if named else told["file"]
    head = f"{made}: {size}" if told["written"] else f"{told['source']}: nothing was written ({size})"
    return "\n  ".join(map(printable, (head, *told["notes"])))
