"""The page "Evaluate" as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.app import serving_app
from tests.evaluate.small import pictures
from tests.server_process import Server
from tests.small_vaes import save_small_kl

if TYPE_CHECKING:
    from playwright.sync_api import Page

SLOW = 120_000


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "own").mkdir()
    (folder / "data/pictures").mkdir(parents=True)
    for number in range(2):
        save_small_kl(folder / f"own/small-{number}.safetensors", number)
    pictures(folder / "data/pictures/blotches", 3, 64)
    with serving_app(folder, folder / "own") as server:
        yield server


def test_a_person_evaluates_looks_comes_back_and_removes(page: Page, app: Server) -> None:
    def opened() -> None:
        page.goto(app.address)
        page.locator("#vaewb_pages > .tab-nav button", has_text="Evaluate").click()

    opened()
    results = page.locator("#vaewb_evaluate_results")
    results.get_by_text("Which VAE is better").wait_for()
    picker = page.locator("#vaewb_evaluate_vaes vaewb-picker")
    picker.get_by_role("button", name="None").click()
    for number in range(2):
        picker.locator(f"[data-name='small-{number}.safetensors'] input").click()
    field = page.locator("#vaewb_evaluate_pictures input")
    field.click()
    page.locator("#vaewb_evaluate_pictures li", has_text="blotches").click()
    page.locator("#vaewb_evaluate_start").click()

    results.get_by_text("small-0.safetensors, small-1.safetensors on blotches").wait_for(timeout=SLOW)
    results.locator(".vaewb-conclusions li").first.wait_for()
    shown = results.locator(".vaewb-plots img").first
    page.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=shown.element_handle())
    viewer = results.locator("vaewb-viewer")
    viewer.get_by_text("p000.png").first.wait_for()
    with page.expect_download() as download:
        results.get_by_role("link", name="CSV", exact=True).click()
    assert Path(download.value.path()).read_text().startswith("vae,precision,measure")

    opened()
    results.get_by_text("on blotches").first.wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#vaewb_evaluate_before .vaewb-remove").click()
    results.get_by_text("Which VAE is better").wait_for()
