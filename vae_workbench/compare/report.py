"""A comparison as files: one PNG for each VAE, the labelled grid, and the measures as JSON."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image

from ..errors import TargetExists, UnwritableTarget
from .comparison import Comparison, Result
from .grid import draw_grid, to_pil
from .picture import RULE

REPORT, GRID, ORIGINAL = "report.json", "grid.png", "original.png"


def report(comparison: Comparison, file_names: Sequence[str | None]) -> dict[str, Any]:
    """The comparison as plain values for JSON; ``file_names`` are those of the results' pictures."""
    picture, settings = comparison.picture, comparison.settings
    return {
        "picture": {
            "name": picture.name,
            "original_size": list(picture.original_size),
            "size": list(picture.size),
            "rule": RULE,
            **asdict(comparison.original_look),
        },
        "encoder": comparison.encoder.name if comparison.encoder else None,
        "dtype": str(settings.dtype).removeprefix("torch."),
        "device": str(settings.device),
        "results": [_result(r, name) for r, name in zip(comparison.results, file_names, strict=True)],
    }


def write_report(comparison: Comparison, folder: str | os.PathLike[str], *, overwrite: bool = False) -> dict[str, Any]:
    """Writes all files of a comparison into ``folder``, and returns what ``report.json`` holds.

    Everything is first written to a folder beside it and then moved, so that no half-written file is ever seen.

    Raises:
        TargetExists: a file of that name is there, and ``overwrite`` is not set.
        UnwritableTarget: the folder cannot be written.
    """
    target = Path(folder)
    names = picture_names(comparison)
    contents = report(comparison, names)
    pictures: dict[str, Image.Image] = {ORIGINAL: to_pil(comparison.original), GRID: draw_grid(comparison)}
    for result, name in zip(comparison.results, names, strict=True):
        if result.image is not None and name is not None:
            pictures[name] = to_pil(result.image)
    taken = [name for name in (*pictures, REPORT) if (target / name).exists()]
    if taken and not overwrite:
        raise TargetExists(target, f"{target} already holds {taken[0]}", "Choose another folder, or allow overwriting")
    try:
        _write_all(target, pictures, contents)
    except OSError as error:
        raise UnwritableTarget(
            target, f"{target} cannot be written ({error.strerror or error})", "Choose a folder that you may write to"
        ) from None
    return contents


def picture_names(comparison: Comparison) -> list[str | None]:
    """A file name for each result's picture, distinct on systems that ignore case too; None where there is no picture."""
    used = {GRID, ORIGINAL}
    names: list[str | None] = []
    for result in comparison.results:
        stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", result.candidate.name).strip(" .")[:100] or "vae"
        number, name = 1, f"{stem}.png"
        while name.lower() in used:
            number, name = number + 1, f"{stem}-{number + 1}.png"
        if result.image is None:
            names.append(None)
            continue
        used.add(name.lower())
        names.append(name)
    return names


def _result(result: Result, file_name: str | None) -> dict[str, Any]:
    measures: Mapping[str, Any] = {
        **(asdict(result.fidelity) if result.fidelity else dict.fromkeys(("psnr", "ssim", "delta_e"))),
        **(asdict(result.look) if result.look else dict.fromkeys(("brightness", "contrast", "saturation"))),
    }
    return {
        "vae": result.candidate.name,
        "picture": file_name,
        **measures,
        "identical": result.fidelity is not None and result.fidelity.psnr is None,
        "seconds": round(result.seconds, 3),
        "notes": list(result.notes),
        "error": result.error,
    }


def _write_all(target: Path, pictures: Mapping[str, Image.Image], contents: Mapping[str, Any]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".vaewb-", dir=target))
    try:
        for name, picture in pictures.items():
            picture.save(beside / name)
        (beside / REPORT).write_text(json.dumps(contents, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for name in (*pictures, REPORT):
            (beside / name).replace(target / name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
