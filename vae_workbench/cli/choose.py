"""``choose``: which VAE a checkpoint gets."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, WorkbenchError
from ..words import in_language
from .shared import DONE, UNUSABLE, command

if TYPE_CHECKING:
    from ..choice.preference_store import PreferenceStore
    from ..choice.preferences import PreferredVae
    from ..library.collection import Collection
    from ..library.entry import Entry


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    choose = command(commands, "choose", run, "which VAE a checkpoint gets, and why; or set it")
    choose.add_argument("checkpoint", type=Path)
    change = choose.add_mutually_exclusive_group()
    change.add_argument(
        "--set", metavar="VAE", help="use this one (a name or a path) for it from now on; None for its own"
    )
    change.add_argument("--clear", action="store_true", help="take that back")
    choose.add_argument("--force", action="store_true", help="set it although it probably does not fit")
    choose.add_argument(
        "--vae-dir", type=Path, action="append", default=[], metavar="DIR", help="a folder of VAEs; repeat for more"
    )


def run(options: argparse.Namespace) -> int:
    from ..choice.decide import Source, decide, to_json
    from ..choice.hint import hint
    from ..choice.mirror import copies_sentence
    from ..choice.preference_store import store_in
    from ..library.places import data_folder
    from ..printable import printable

    store = store_in(data_folder())
    given = Path(options.set) if options.set and Path(options.set).is_file() else None
    checkpoint, library, complaints = _around(options.checkpoint, options.vae_dir, given)
    problems = _mirrored(store, checkpoint, library)
    copies = ""
    if options.set or options.clear:
        named = library.by_path(given) if given else None
        name = named.name if named else options.set
        vae = _preferred(name, checkpoint, library, force=options.force) if name else None
        store.change(lambda now: now.with_overrides([checkpoint], vae, library.checkpoints))
        problems = _mirrored(store, checkpoint, library)
        copies = copies_sentence([checkpoint], library)
    preferences, trouble = store.read_or_none()
    choice = decide(checkpoint, "Automatic", preferences, library)
    advice = hint(checkpoint, choice, preferences, library)
    for problem in dict.fromkeys(filter(None, (*complaints, *([trouble] if trouble else problems)))):
        print(in_language(problem), file=sys.stderr)
    if options.json:
        told = {"checkpoint": printable(checkpoint.path), **to_json(choice), "hint": advice and advice.text}
        print(json.dumps({**told, "copies": copies or None}, ensure_ascii=False))
    else:
        used = "nothing" if choice.source is Source.NOTHING else choice.vae.name if choice.vae else "its own VAE"
        why = "" if choice.source is Source.OWN else f" ({in_language(choice.reason)})"
        lines = [
            f"{checkpoint.name}: {in_language(used)}{why}",
            *map(in_language, (*filter(None, [copies]), *choice.warnings)),
        ]
        lines += [in_language(advice.text)] if advice else []
        for step in choice.steps:
            place = f"{'→' if step.taken else ' '} {in_language(step.source.value)}"
            lines.append(f"{place}: {step.found or '–'}. {in_language(step.why)}")
        print("\n  ".join(lines))
    return UNUSABLE if choice.source is Source.NOTHING else DONE


def _preferred(name: str, checkpoint: Entry, library: Collection, *, force: bool) -> PreferredVae:
    from ..choice.assign import LikelyMisfit, preferred_vae
    from ..choice.find import find_vaes
    from ..choice.preferences import OWN
    from ..printable import printable

    if name != OWN and not find_vaes(library, name):
        remedy = "Give its path, or the folder that it is in with --vae-dir"
        raise InvalidInput(f"There is no VAE called {printable(name)} here", remedy)
    try:
        return preferred_vae(name, [checkpoint], library, force=force)
    except LikelyMisfit as doubt:
        raise LikelyMisfit(doubt.what, "Give --force if you want it all the same") from doubt


def _mirrored(store: PreferenceStore, checkpoint: Entry, library: Collection) -> tuple[str, ...]:
    """Brings the override and the web UI's metadata into line, as far as that is possible; what went wrong, in sentences."""
    from ..choice.mirror import mirror

    try:
        return mirror(store, [checkpoint], library)
    except WorkbenchError as error:
        return (str(error),)


def _around(path: Path, folders: Sequence[Path], vae: Path | None = None) -> tuple[Entry, Collection, tuple[str, ...]]:
    """A checkpoint, what matters for it, and what went wrong, in sentences.

    The VAE that is given, the VAEs beside it and those below the folders matter, and the checkpoints that may have the same
    content: those known from earlier scans, and those of its size in its folder.
    """
    from ..choice.proposals import BESIDE_ENDINGS
    from ..library.places import data_folder, library_in
    from ..library.walk import ENDINGS, stamp_of, walk
    from ..printable import printable

    for folder in folders:
        if not folder.is_dir():
            raise InvalidInput(f"{printable(str(folder))} is not a folder", "Give folders that hold VAEs")
    library = library_in(data_folder())
    checkpoint = library.entry(path)
    if checkpoint.verdict.kind != "checkpoint":
        raise InvalidInput(checkpoint.verdict.error or f"{printable(str(path))} is not a checkpoint")
    near: list[Path] = []
    with contextlib.suppress(OSError):  # a folder may be closed and its files open
        near += Path(checkpoint.path).parent.iterdir()
    beside = [file for file in near if file.name.endswith(BESIDE_ENDINGS)]
    alike = [
        file for file in near if file.name.lower().endswith(ENDINGS) and (stamp_of(file) or (0,))[0] == checkpoint.size
    ]
    found = walk(folders)
    collection = library.among(
        [path, *([vae] if vae else []), *beside, *alike, *library.same_content(checkpoint), *found.files]
    )
    complaints = (*found.complaints, *library.complaints())
    return collection.by_path(path) or checkpoint, collection, complaints
