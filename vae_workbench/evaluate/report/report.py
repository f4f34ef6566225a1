"""The files that tell what came of an evaluation."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from ...compare.folder.folder import ComparisonFolder
from ...compare.html_file import write_html
from ...compare.views.picture_file import picture_bytes
from ...progress import Progress, part, silent
from ...stored import to_utf8
from ...targets import write_whole
from ..evaluation import Evaluation
from ..measuring.measured import MEASURES
from ..summary.summary import DEFAULT_KEPT, Summary, summarized
from .differing import keep_differing
from .plots import measures_of, plot
from .tables import as_csv, as_html, as_markdown, as_text, pairs_as_csv

DIFFERING, PAGE = "differing", "evaluation.html"


def write_report(evaluation: Evaluation, kept: int = DEFAULT_KEPT, progress: Progress = silent) -> Summary:
    """Writes all that can be told until now into the evaluation's folder, in place of what was told before.

    - ``summary.json``, ``summary.txt``, ``summary.md``, ``summary.csv``, ``pairs.csv``;
    - ``plot-psnr.png`` and so on, one for each measure;
    - ``differing``, a comparison of the pictures where the VAEs differ most;
    - ``evaluation.html``, all of it as one page to be shared.

    Args:
        evaluation: of which.
        kept: how many pictures are kept where the VAEs differ most; 0: no comparison is made.
        progress: told how far it is.

    Raises:
        UnwritableTarget: the system refuses.
        Cancelled: passed on from ``progress``.
    """
    progress(0.0, "summing up")
    summary = summarized(evaluation, kept)
    texts = {
        "summary.json": json.dumps(summary.to_json(), ensure_ascii=False, indent=1),
        "summary.txt": as_text(summary) + "\n",
        "summary.md": as_markdown(summary),
        "summary.csv": as_csv(summary),
        "pairs.csv": pairs_as_csv(summary),
    }
    for name, text in texts.items():
        write_whole(evaluation.folder / name, to_utf8(text))
    plots = {name: picture_bytes(plot(summary, name), "PNG") for name in measures_of(summary)}
    for name, content in plots.items():
        write_whole(evaluation.folder / f"plot-{name.replace('_', '-')}.png", content)
    if summary.differing:
        folder = ComparisonFolder(evaluation.folder / DIFFERING)
        folder.title = (
            f"{summary.pictures - summary.broken - summary.missing:,} pictures of {Path(evaluation.job.root).name}"
        )
        keep_differing(evaluation, summary, folder, part(progress, 0.1, 0.95))
        above = as_html(summary) + "".join(_drawn(name, content) for name, content in plots.items())
        above += f"<h2>The {len(summary.differing)} pictures where they differ most</h2>"
        write_html(folder, evaluation.folder / PAGE, overwrite=True, above=above)
    progress(1.0, "done")
    return summary


def _drawn(name: str, content: bytes) -> str:
    data = base64.b64encode(content).decode()
    return (
        f'<img alt="{MEASURES[name].title}" src="data:image/png;base64,{data}" style="max-width: 100%; display: block">'
    )
