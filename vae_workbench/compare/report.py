"""A comparison as a report for programs, and the views of it as picture files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, TargetExists
from ..targets import check_folder_target
from .contents import distinct
from .folder.folder import COMPARISON, ComparisonFolder
from .folder.records import Cell
from .measuring.measures import RgbImage
from .sources.picture import as_image, load_picture
from .views.heat_maps import HEAT_MAPS, draw_heat_map
from .views.view_sheets import SHEETS

REPORT, GRID = "report.json", "grid.png"

MEASURES = ("psnr", "ssim", "delta_e", "flip", "brightness", "contrast", "saturation", "a", "b", "sharpness")
"""Those that every report has, ``null`` where they cannot be told."""

OURS = re.compile(r"report\.json|grid\.png|(source|cell|diff|flip|latent|loss)-.*\.(png|safetensors)")
"""Names of the files that a comparison writes, beside ``comparison.json``."""

ENDING = re.compile(r"\.(safetensors|ckpt|pth?|bin|sft|png|jpe?g|webp|bmp|tiff?|gif|avif)$", re.IGNORECASE)
"""What the names of VAEs and pictures end in."""


def report(folder: ComparisonFolder, unusable: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The comparison as plain values: sources, VAEs, and a cell for each pair of them by their names.

    Args:
        folder: the comparison.
        unusable: what was named as a source but cannot be one, and why.
    """
    content = folder.to_json(shared=True)
    names = {item["id"]: item["name"] for item in (*content["sources"], *content["vaes"])}
    sources = [{**_picked(item, ("name", "kind", "width", "height")), "error": None} for item in content["sources"]]
    sources += [{"name": name, "error": why} for name, why in unusable]
    return {
        "sources": sources,
        "vaes": [_picked(item, ("name", "known_as")) for item in content["vaes"]],
        "cells": [
            {
                "source": names[cell["source"]],
                "vae": names[cell["vae"]],
                **_picked(cell, ("precision", "seconds", *MEASURES, "words", "notes", "error", "image")),
            }
            for cell in content["cells"]
        ],
    }


def shared_files(folder: ComparisonFolder) -> tuple[dict[str, Any], dict[str, str]]:
    """What people are given of a comparison: the report, and its pictures under names that say what they are.

    Returns:
        the report with these names, and what each file of the folder is called: ``face/demo.png``, ``face/source.png``,
        ``face/latent demo channel 1.png``, ``face/generation loss demo 3.png``.
    """
    content = folder.to_json(shared=True)
    ids = [item["id"] for item in (*content["sources"], *content["vaes"])]
    names: dict[str, str] = {}
    for key, record in zip(ids, (*content["sources"], *content["vaes"]), strict=True):
        names[key] = distinct(_readable(record["name"]), list(names.values()))
    called: dict[str, str] = {}

    def call(file: str | None, source: str, *words: str) -> None:
        if file and (folder.path / file).is_file():
            stem = f"{names[source]}/{' '.join(filter(None, words))}"
            called[file] = f"{distinct(stem, [name.removesuffix('.png') for name in called.values()])}.png"

    for item in content["sources"]:
        call(item["image"], item["id"], "source")
    for cell in content["cells"]:
        call(cell["image"], cell["source"], names[cell["vae"]])
    for latent in content["latents"]:
        encoder = names.get(latent["encoder"] or "", "own")
        call(latent.get("preview"), latent["source"], "latent", encoder)
        for number, file in enumerate(latent.get("channels_images") or (), start=1):
            call(file, latent["source"], "latent", encoder, f"channel {number}")
    for loss in content["losses"]:
        pair = " to ".join(dict.fromkeys(names.get(loss[role], loss[role]) for role in ("encoder", "decoder")))
        for one in loss.get("rounds") or ():
            call(one["image"], loss["source"], "generation loss", pair, str(one["round"]))
    told = report(folder)
    for cell in told["cells"]:
        cell["image"] = called.get(cell["image"])
    return told, called


def write_report(folder: ComparisonFolder, unusable: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """Writes ``report.json`` into a comparison's folder, whole or not at all, and returns what it holds.

    Raises:
        UnwritableTarget: the system refuses.
    """
    contents = report(folder, unusable)
    folder.save(REPORT, lambda target: target.write_text(report_text(contents), encoding="utf-8"))
    return contents


def report_text(contents: Mapping[str, Any]) -> str:
    """What ``report.json`` holds of a :func:`report`."""
    return json.dumps(contents, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Whether a comparison can be written into a folder, before it is made. One that is there already is gone on with.

    Raises:
        TargetExists: files lie there that a comparison would replace, and that are of none.
        UnwritableTarget: the folder cannot be written.
    """
    check_folder_target(path)
    if overwrite or not path.is_dir() or (path / COMPARISON).exists():
        return
    taken = sorted(file.name for file in path.iterdir() if OURS.fullmatch(file.name))
    if taken:
        raise TargetExists(path, f"{path} already holds {taken[0]}", "Choose another folder, or use --overwrite")


def draw_differences(folder: ComparisonFolder, view: str, against: str | None = None) -> list[str]:
    """Draws a heat map for each cell that has a picture, and returns the files' names.

    Args:
        folder: the comparison.
        view: of :data:`.heat_maps.HEAT_MAPS`.
        against: the id of the VAE with which the others are compared; ``None``: the source.

    Raises:
        UnwritableTarget: the system refuses.
    """
    written: list[str] = []
    if against and against not in folder.vaes:
        raise InvalidInput(
            "The file to compare against was changed or taken away meanwhile", "Start the same command again"
        )
    beside = folder.vaes[against].name if against else "the source"
    for cell, reference in _with_references(folder, against):
        source, vae = folder.sources[cell.source].name, folder.vaes[cell.vae].name
        name = distinct(f"{view}-{_plain(source)}-{_plain(vae)}", written)
        test = _pixels(folder.path / str(cell.image))
        if test is not None and test.shape == reference.shape:
            caption = f"{source}: {vae} beside {beside}"
            folder.save_picture(f"{name}.png", draw_heat_map(HEAT_MAPS[view], reference, test, caption))
            written.append(name)
    return [f"{name}.png" for name in written]


def draw_sheets(folder: ComparisonFolder, view: str) -> list[str]:
    """Draws a view of :data:`.view_sheets.SHEETS` for each source that has it, and returns the files' names.

    Raises:
        UnwritableTarget: the system refuses.
    """
    written: list[str] = []
    for source in folder.sources.values():
        sheet = SHEETS[view](folder, source.id)
        if sheet is not None:
            name = distinct(f"{view}-{_plain(source.name)}", written)
            folder.save_picture(f"{name}.png", sheet)
            written.append(name)
    return [f"{name}.png" for name in written]


def _with_references(folder: ComparisonFolder, against: str | None) -> Iterator[tuple[Cell, RgbImage]]:
    for source in folder.sources.values():
        other = folder.cells.get((source.id, against)) if against else source
        if other is None or other.image is None:
            continue
        reference = _pixels(folder.path / other.image)
        if reference is None:
            continue
        for vae in folder.vaes:
            cell = folder.cells.get((source.id, vae))
            if vae != against and cell is not None and cell.image is not None:
                yield cell, reference


def _pixels(path: Path) -> RgbImage | None:
    """``None`` where the picture was taken away or damaged."""
    try:
        return as_image(load_picture(path, longest_side=0).pixels)
    except InvalidInput:
        return None


def _picked(item: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    values = ((name, item.get(name)) for name in names)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


def _readable(name: str) -> str:
    """As a file's name on every system, still as people know it: ``demo-vae`` for ``demo-vae.safetensors``."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", ENDING.sub("", name)).strip(". ")[:80] or "x"


def _plain(name: str) -> str:
    """As part of a file's name on every system: two of these and what is added are at most 255 bytes."""
    short = re.sub(r"[^\w.-]+", "_", name).encode()[:90].decode(errors="ignore")
    return short.strip("._") or "x"
