"""The pages "Library" and "Checkpoints" in the real web UI: its folders, its scripts, its theme."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessibility import violations
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("webui")


def open_page(page: Page, server: Server, name: str) -> None:
    page.goto(server.address + "/?__theme=dark")
    page.wait_for_selector("#tab_vaewb", state="attached")
    page.locator("#tabs > .tab-nav button", has_text="VAE").click()
    page.locator("#vaewb_pages > .tab-nav button", has_text=name).click()
    page.wait_for_selector(f"#vaewb_{name.lower()}_table .vaewb-row")
    page.wait_for_selector(f"#vaewb_{name.lower()}_cancel[disabled]")


def test_the_library_of_the_web_ui(page: Page, running: Server, demo_folder: Path, screenshots: Path | None) -> None:
    open_page(page, running, "Library")
    page.locator("#vaewb_library_table .vaewb-search").fill("demo")
    assert page.locator("#vaewb_library_table .vaewb-row").count() == len(list(demo_folder.glob("demo*")))
    page.click("#vaewb_library_draw")
    page.wait_for_selector("#vaewb_library_status :text('drawn')", timeout=300_000)
    pictures = page.locator("#vaewb_library_table .vaewb-thumbnail img")
    pictures.nth(3).evaluate("image => image.decode()")
    assert pictures.nth(3).evaluate("image => image.naturalWidth") == 128
    page.locator("#vaewb_library_table .vaewb-row[data-key='demo-vivid.safetensors']").click()
    page.locator("#vaewb_library_details header h2", has_text="demo-vivid").wait_for()
    if screenshots:
        page.screenshot(path=screenshots / "webui-library.png", full_page=True)


def test_the_checkpoints_of_the_web_ui(page: Page, running: Server, screenshots: Path | None) -> None:
    open_page(page, running, "Checkpoints")
    told = page.locator("#vaewb_checkpoints_table .vaewb-row").all_inner_texts()
    assert any("SD1" in row and "holds" in row for row in told)
    page.locator("#vaewb_checkpoints_table .vaewb-row").first.click()
    page.locator("#vaewb_checkpoints_details header h2").wait_for()
    if screenshots:
        page.screenshot(path=screenshots / "webui-checkpoints.png", full_page=True)


def test_the_tab_greets_once(page: Page, running: Server) -> None:
    page.goto(running.address)
    page.locator("#tabs > .tab-nav button", has_text="VAE").first.click()
    greeting = page.locator(".vaewb-greeting")
    greeting.wait_for()
    assert violations(page, "#vaewb_greeting") == []
    page.locator("[data-vaewb-way=library]").click()
    greeting.wait_for(state="detached")
    page.locator("#vaewb_library_table .vaewb-row").first.wait_for()
    page.reload()
    page.wait_for_selector("#vaewb_pages", state="attached")
    assert greeting.count() == 0
