"""Latents and generation loss as one picture each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_workbench.compare.folder.folder import ComparisonFolder, SourceRecord
from vae_workbench.compare.views.view_sheets import COLOURS, SIDE, latent_sheet, loss_sheet


def colour(level: int) -> Image.Image:
    return Image.new("RGB", (8, 6), (level, 0, 255 - level))


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path)
    made.add_source(SourceRecord("s", "face", "picture", 64, 48), colour(0))
    return made


def put_loss(folder: ComparisonFolder, decoder: str, psnrs: list[float | None]) -> None:
    names = [f"loss-s-e-{decoder}-{number}.png" for number in range(1, len(psnrs) + 1)]
    told = [
        {"round": number, "psnr": psnr, "delta_e": 1.0, "flip": 0.1, "image": name}
        for number, (psnr, name) in enumerate(zip(psnrs, names, strict=True), 1)
    ]
    record = {"source": "s", "encoder": "e", "decoder": decoder, "encoder_name": "e.pt", "decoder_name": decoder}
    pictures = {name: colour(40 * number) for number, name in enumerate(names, 1)}
    folder.put_loss({**record, "rounds": told, "error": None}, pictures)


def put_latents(folder: ComparisonFolder, encoder: str | None) -> None:
    names = [f"latent-s-{encoder or 'own'}-{number}.png" for number in (1, 2)]
    preview = f"latent-s-{encoder or 'own'}-preview.png"
    statistics = [{"mean": 0.5, "std": 1.0, "min": -1, "max": 2}, dict.fromkeys(("mean", "std", "min", "max"))]
    record = {"source": "s", "encoder": encoder, "encoder_name": encoder, "width": 8, "height": 6, "channels": 2}
    record |= {"low": -1.0, "high": 2.0, "statistics": statistics, "channels_images": names, "preview": preview}
    pictures = {names[0]: Image.new("L", (8, 6), 90), names[1]: Image.new("L", (8, 6), 200), preview: colour(120)}
    folder.put_latents({**record, "error": None}, pictures)


def shows(sheet: Image.Image, wanted: tuple[int, int, int], at_least: int) -> bool:
    return int((np.asarray(sheet) == wanted).all(-1).sum()) >= at_least


def test_every_round_is_shown_below_the_curves(folder: ComparisonFolder) -> None:
    put_loss(folder, "d.pt", [30.0, 28.5, None])
    put_loss(folder, "題.pt", [25.0])
    sheet = loss_sheet(folder, "s")
    assert sheet is not None
    area = (SIDE // 8) ** 2 * 48
    assert all(shows(sheet, (40 * n, 0, 255 - 40 * n), area) for n in (1, 2, 3))
    assert all(shows(sheet, curve, 30) for curve in COLOURS[:2]) and not shows(sheet, COLOURS[2], 1)


def test_every_channel_and_the_preview_are_shown(folder: ComparisonFolder) -> None:
    put_latents(folder, None)
    put_latents(folder, "v")
    sheet = latent_sheet(folder, "s")
    assert sheet is not None
    area = 2 * (SIDE // 8) ** 2 * 48
    assert shows(sheet, (90, 90, 90), area) and shows(sheet, (200, 200, 200), area)
    assert shows(sheet, (120, 0, 135), area)


def test_without_anything_to_show_there_is_no_picture(folder: ComparisonFolder) -> None:
    put_loss(folder, "d.pt", [])
    assert loss_sheet(folder, "s") is None and latent_sheet(folder, "s") is None
