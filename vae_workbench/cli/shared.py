"""What the commands share: exit codes, their parser, progress, and verdicts in words."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..printable import printable
from ..progress import Progress
from ..weights.pickled_code import code_in_words
from ..words import in_language

if TYPE_CHECKING:
    from ..identity.verdict import Verdict

DONE, UNUSABLE, INTERRUPTED, READER_GONE = 0, 2, 130, 141
DTYPES = ("fp32", "bf16", "fp16")


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], description: str
) -> argparse.ArgumentParser:
    """The parser of a command: ``run`` gets its options and returns the exit code."""
    told = in_language(description)
    parser: argparse.ArgumentParser = commands.add_parser(name, help=told, description=told)
    parser.add_argument("--json", action="store_true", help=in_language("print JSON"))
    parser.set_defaults(run=run)
    return parser


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr, where somebody is looking."""
    from tqdm import tqdm

    with tqdm(total=100, bar_format="{percentage:3.0f}% {bar:30} {desc}", leave=False, disable=None) as bar:

        def show(fraction: float, what: str) -> None:
            bar.set_description_str(what, refresh=False)
            bar.update(100 * fraction - bar.n)

        yield show


def verdict_text(verdict: Verdict) -> str:
    """A verdict as lines for people, in which no text from a file hides or moves anything."""
    told = [verdict.kind, verdict.architecture, verdict.dtype, verdict.known_as]
    if verdict.latent_space:
        told.append(f"latent space {verdict.latent_space} ({verdict.certainty})")
    if verdict.baked:
        told.append(
            f"baked VAE: {verdict.baked.state}" + (f", {verdict.baked.known_as}" if verdict.baked.known_as else "")
        )
    code = (
        f"It holds code, which was not run: its pickle names {code_in_words(verdict.code)}." if verdict.code else None
    )
    copies = f"The same VAE is in {', '.join(verdict.copies_of)}." if verdict.copies_of else None
    sentences = (verdict.error, *verdict.reasons, code, *verdict.warnings, copies, *(r.text for r in verdict.relatives))
    lines = [
        f"{verdict.path}: {', '.join(filter(None, told))}",
        *map(in_language, dict.fromkeys(filter(None, sentences))),
    ]
    return "\n  ".join(map(printable, lines))
