"""What the page "Compare" tells at the end."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from vae_workbench.compare.folder.folder import Cell, ComparisonFolder, VaeRecord
from vae_workbench.compare.sources.sources import keep_source, load_sources
from vae_workbench.ui.compare.page import result_message


def test_a_vae_that_fails_on_some_pictures_was_compared(tmp_path: Path) -> None:
    """It was counted as one that cannot be used: "Compared 0 VAEs" stood above a grid full of pictures."""
    for name in ("one", "two"):
        Image.new("RGB", (16, 16), "teal" if name == "one" else "red").save(tmp_path / f"{name}.png")
    sources = load_sources([tmp_path / "one.png", tmp_path / "two.png"])
    folder = ComparisonFolder(tmp_path / "comparison")
    for source in sources:
        keep_source(folder, source)
    failing = {"healthy.pt": (), "choosy.pt": sources[:1], "broken.pt": sources}
    for name, on in failing.items():
        folder.add_vae(VaeRecord(name, name))
        for source in on:
            folder.put(Cell(source.record.id, name, "failed", error="It does not fit."))
    told = result_message(folder, sources)
    assert "Compared 2 VAEs on 2 pictures. Could not use broken.pt." in told and "1 picture could not be made" in told
    folder.remove(["choosy.pt", "broken.pt"])
    assert "Compared 1 VAE on 2 pictures.</p>" in result_message(folder, sources)
