"""``scan``: what all files in some folders are."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..progress import part
from .shared import DONE, UNUSABLE, command, progress_bar, verdict_text


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

    for folder in options.folders:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder", "Give folders that hold VAEs or checkpoints")
    library = library_in(options.data or data_folder())
    with progress_bar() as progress:
        report = library.scan(options.folders, part(progress, 0.0, 0.5 if options.sha256 else 1.0))
        waiting = library.unhashed() if options.sha256 else []
        for place, path in enumerate(waiting):
            share = 0.5 / len(waiting)
            library.compute_sha256(path, part(progress, 0.5 + share * place, 0.5 + share * (place + 1)))
    entries = library.collection().entries
    for complaint in report.complaints:
        print(complaint, file=sys.stderr)
    if options.json:
        print(json.dumps([to_json(entry) for entry in entries], ensure_ascii=False))
    else:
        print("\n".join(verdict_text(entry.verdict) for entry in entries))
        print(f"{report.files} files, {report.examined} of them new or changed, {report.gone} gone.")
    return UNUSABLE if any(entry.verdict.kind == "broken" for entry in entries) else DONE
