"""``choose``: which VAE a checkpoint gets."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from .shared import DONE, UNUSABLE, command

if TYPE_CHECKING:
    from ..library.collection import Collection
    from ..library.entry import Entry


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    choose = command(commands, "choose", run, "which VAE a checkpoint gets, and why; or set it")
    choose.add_argument("checkpoint", type=Path)
    change = choose.add_mutually_exclusive_group()
    change.add_argument("--set", metavar="VAE", help="use this one for it from now on; None for its own")
    change.add_argument("--clear", action="store_true", help="take that back")
    choose.add_argument("--force", action="store_true", help="set it although it probably does not fit")
    choose.add_argument(
        "--vae-dir", type=Path, action="append", default=[], metavar="DIR", help="a folder of VAEs; repeat for more"
    )


def run(options: argparse.Namespace) -> int:
    from ..choice.assign import preferred_vae
    from ..choice.decide import Source, decide, to_json
    from ..choice.hint import hint
    from ..choice.mirror import mirror
    from ..choice.preference_store import store_in
    from ..library.places import data_folder

    store = store_in(data_folder())
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
    from ..choice.proposals import BESIDE_ENDINGS
    from ..library.places import data_folder, library_in
    from ..library.walk import walk

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
