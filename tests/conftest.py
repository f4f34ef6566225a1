"""What tests of several rooms share."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from vae_workbench.weights import source

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure() -> None:
    os.environ["VAEWB_LANGUAGE"] = "en"  # whatever the language of the machine is
    if (
        "PYTEST_XDIST_WORKER" in os.environ
    ):  # there is a worker for each core: more threads would only wait for one another
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the pages were not driven in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own for each test, wide enough for results side by side."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(120_000)
    yield page
    page.close()


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where screenshots are kept for a person to look at, if ``VAEWB_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("VAEWB_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) if folder else None


class RecordingFile(io.FileIO):
    """A file that remembers which ranges were read."""

    ranges: list[tuple[int, int]]

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        begin = self.tell()
        count = super().readinto(buffer)
        self.ranges.append((begin, begin + count))
        return count


@pytest.fixture
def ranges_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """The ranges (first byte, byte after the last) that are read while the test runs."""
    ranges: list[tuple[int, int]] = []

    def open_recording(path: str) -> io.FileIO:
        file = RecordingFile(path)
        file.ranges = ranges
        return file

    monkeypatch.setattr(source, "_open", open_recording)
    return ranges
