"""``scan``: what all files in some folders are."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FileProblem, InvalidInput
from ..progress import Progress, part
from ..words import in_language
from .shared import DONE, UNUSABLE, command, progress_bar, verdict_text

if TYPE_CHECKING:
    from ..library.library import Library


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    scan = command(commands, "scan", run, "what all files in some folders are; unchanged ones are not read again")
    scan.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folders of VAEs and checkpoints")
    scan.add_argument("--sha256", action="store_true", help="read the VAE files whole, to find published ones by hash")
    scan.add_argument(
        "--data", type=Path, metavar="DIR", help="where the index is kept (default: the user's data folder)"
    )


def run(options: argparse.Namespace) -> int:
    from ..library.entry import to_json
    from ..library.places import data_folder, library_in
    from ..printable import printable

    for folder in options.folders:
        if not folder.is_dir():
            raise InvalidInput(
                f"{printable(str(folder))} is not a folder", "Give folders that hold VAEs or checkpoints"
            )
    library = library_in(options.data or data_folder())
    with progress_bar() as progress:
        report = library.scan(options.folders, part(progress, 0.0, 0.5 if options.sha256 else 1.0))
        unhashed = _hash_all(library, part(progress, 0.5, 1.0)) if options.sha256 else []
    entries = library.collection().entries
    for complaint in (*report.complaints, *unhashed):
        print(in_language(complaint), file=sys.stderr)
    if options.json:
        print(json.dumps([to_json(entry) for entry in entries], ensure_ascii=False))
    else:
        for entry in entries:
            print(verdict_text(entry.verdict))
        found = library.collection()
        counts = f"{counted(len(found.vaes), 'VAE file')}, {counted(len(found.checkpoints), 'checkpoint')}"
        print(f"{counts}. {counted(report.files, 'file')}, {report.examined} new or changed, {report.gone} gone.")
    return UNUSABLE if any(entry.verdict.kind == "broken" for entry in entries) else DONE


def _hash_all(library: Library, progress: Progress) -> list[str]:
    """Computes the sha256 of all VAE files; a sentence for each of which that was not possible."""
    complaints, waiting = [], library.unhashed()
    for place, path in enumerate(waiting):
        try:
            library.compute_sha256(path, part(progress, place / len(waiting), (place + 1) / len(waiting)))
        except FileProblem as error:  # it is gone meanwhile, say
            complaints.append(str(error))
    return complaints


def counted(count: int, what: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
