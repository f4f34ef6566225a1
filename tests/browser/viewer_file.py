"""A comparison as one HTML file, and the browser that opens it with the network off, for the tests of the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.folder.records import Cell, SourceRecord, VaeRecord
from vae_workbench.compare.html_file import write_html
from vae_workbench.compare.sources.builtin.pictures import built_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEWER = "document.querySelector('vaewb-viewer')"


def pale(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture, float)
    grey = pixels.mean(axis=2, keepdims=True)
    return Image.fromarray((grey + (pixels - grey) * 0.5 + 20).clip(0, 255).astype(np.uint8))


def stained(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture, float).copy()
    pixels[150:190, 60:110] += (70, -60, 90)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


MADE = {"soft": lambda it: it.filter(ImageFilter.GaussianBlur(1)), "pale": pale, "stained": stained}


def sample_pictures() -> dict[str, Image.Image]:
    return {name: built_in(name).resize((256, 256), Image.Resampling.LANCZOS) for name in ("text", "colours")}


def sample_comparison(path: Path, pictures: dict[str, Image.Image]) -> ComparisonFolder:
    """Three VAEs and a broken one on each of the pictures."""
    folder = ComparisonFolder(path)
    for name in MADE:
        folder.add_vae(VaeRecord(name, f"{name}.safetensors"))
    folder.add_vae(VaeRecord("broken", "broken.safetensors"))
    for name, picture in pictures.items():
        folder.add_source(SourceRecord(name, name, "built-in", *picture.size), picture)
        for vae, change in MADE.items():
            folder.put(Cell(name, vae, "done", words=f"it is {vae}"), change(picture))
        folder.put(Cell(name, "broken", "failed", error="broken.safetensors is damaged. Use another copy."))
    return folder


def shared_file(folder: ComparisonFolder) -> Path:
    target = folder.path.parent / "shared.html"
    write_html(folder, target)
    return target


@contextmanager
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    """The file in a browser; nothing may fail in it, and it may ask nobody for anything."""
    # Waiting for a condition needs eval, which the file's own policy forbids; what it asks for is recorded instead.
    made = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
    made.context.set_offline(True)
    asked, faults = [], []
    made.on("request", lambda request: asked.append(request.url))
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    made.goto(file.as_uri())
    made.wait_for_function(f"{VIEWER}.querySelectorAll('.vaewb-pane img').length > 0")
    yield made
    assert not faults
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    made.context.close()


def mode(page: Page, name: str) -> None:
    page.click(f"[data-mode={name}]")
    page.wait_for_function(f"document.querySelector('.vaewb-stage').dataset.mode === '{name}'")


def state(page: Page) -> dict[str, object]:
    return page.evaluate(f"({{...{VIEWER}.state, ...{VIEWER}.view}})")
