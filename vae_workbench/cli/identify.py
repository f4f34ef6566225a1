"""``identify``: what each file is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import sentence_of
from ..progress import Progress, part
from .shared import DONE, UNUSABLE, command, progress_bar, verdict_text

if TYPE_CHECKING:
    from ..identity.examine import Examination


def add(commands: Any) -> None:
    """Adds the command to the parser's."""
    identify = command(commands, "identify", run, "what each file is, how sure that is, and why")
    identify.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="VAEs and checkpoints; they explain each other"
    )
    identify.add_argument(
        "--probe", action="store_true", help="encode a colour chart where the latent space is not certain"
    )
    identify.add_argument(
        "--sha256", action="store_true", help="read whole files, to find published ones by their hash"
    )


def run(options: argparse.Namespace) -> int:
    from ..identity.identify import with_probe, with_sha256
    from ..identity.judge import judge, taught
    from ..identity.relatives.references import References
    from ..identity.verdict import to_json

    found = [_examined(path) for path in options.paths]
    with progress_bar() as progress:
        steps = [step for step, wanted in ((with_sha256, options.sha256), (with_probe, options.probe)) if wanted]
        for step in steps:
            found = [
                _with(step, one, part(progress, i / len(found), (i + 1) / len(found))) for i, one in enumerate(found)
            ]
    # Each file is judged in the light of all others, so that copies and baked VAEs give each other their names.
    known = References(filter(None, map(taught, found)))
    verdicts = [judge(one, known) for one in found]
    if options.json:
        print(json.dumps([to_json(verdict) for verdict in verdicts], ensure_ascii=False))
    else:
        print("\n".join(map(verdict_text, verdicts)))
    return UNUSABLE if any(verdict.kind == "broken" for verdict in verdicts) else DONE


# Whatever goes wrong with one file, the others are told.


def _examined(path: Path) -> Examination:
    from ..identity.examine import Examination, examine
    from ..identity.verdict import Certainty

    try:
        return examine(path)
    except Exception as error:  # noqa: BLE001  # one failing file fails alone
        why = sentence_of(error)
        return Examination(str(path), "broken", Certainty.CERTAIN, (why,), error=why)


def _with(step: Callable[[Examination, Progress], Examination], found: Examination, progress: Progress) -> Examination:
    try:
        return step(found, progress)
    except Exception as error:  # noqa: BLE001  # one failing file fails alone
        return replace(found, reasons=(*found.reasons, sentence_of(error)))
