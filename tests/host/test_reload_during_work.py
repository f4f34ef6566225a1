"""Reload UI in the real web UI after a browser was closed while work of the pages ran.

gradio 3.41 left the websocket of a queued handler waiting for ever once its browser had gone. Reload UI waits for all of
them, so it never came back and the web UI had to be killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from skimage.data import data_dir

from tests.browser.compare_page import add_files, choose_only
from tests.host.conftest import WebUI
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, WebSocket

pytestmark = pytest.mark.xdist_group("webui")

READY = "Startup time:"

SETTLED = 5000
"""Milliseconds without a queued handler after which the web UI's own page has its values. It asks for them by queued handlers,
which have that fault too: a page that is closed before does keep Reload UI from coming back."""


@pytest.fixture(scope="module", params=[(), ("--no-gradio-queue",)], ids=["queue", "no queue"])
def served(request: pytest.FixtureRequest, webui: WebUI, demo_folder: Path) -> Iterator[Server]:
    with webui.serve("--vae-dir", str(demo_folder), *request.param) as server:
        yield server


def open_pages(page: Page, server: Server, name: str) -> None:
    """A busy machine may take far longer than those seconds for the web UI's own handlers; each has a websocket."""
    asking: list[WebSocket] = []
    page.on("websocket", lambda socket: asking.append(socket))  # Playwright sets attributes of what it calls
    page.goto(server.address)
    page.wait_for_selector("#tab_vaewb", state="attached")
    known = -1
    while known != len(asking) or not all(socket.is_closed() for socket in asking):
        known = len(asking)
        page.wait_for_timeout(SETTLED)
    page.locator("#tabs > .tab-nav button", has_text="VAE").click()
    page.locator("#vaewb_pages > .tab-nav button", has_text=name).click()


def looked(page: Page, server: Server) -> None:
    open_pages(page, server, "Library")
    page.wait_for_selector("#vaewb_library_table .vaewb-row")
    page.wait_for_selector("#vaewb_library_cancel[disabled]")


def compare(page: Page, server: Server) -> None:
    open_pages(page, server, "Compare")
    add_files(page, Path(data_dir) / "coffee.png")
    choose_only(page, "demo-pale", "demo-vivid")
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_status .vaewb-progress")


def scan(page: Page, server: Server) -> None:
    looked(page, server)
    page.click("#vaewb_library_scan")
    page.wait_for_selector("#vaewb_library_status :is(.vaewb-progress, .vaewb-message)")


def draw_thumbnails(page: Page, server: Server) -> None:
    looked(page, server)
    page.click("#vaewb_library_draw")
    page.wait_for_selector("#vaewb_library_status .vaewb-progress, #vaewb_library_status :text('drawn')")


def check(page: Page, server: Server) -> None:
    looked(page, server)
    page.locator("#vaewb_library_table .vaewb-row[data-key='demo-vivid.safetensors']").click()
    page.click("#vaewb_library_check_it")
    page.wait_for_selector("#vaewb_library_status .vaewb-progress, #vaewb_library_status :text('was checked')")


def started(server: Server) -> int:
    return server.printed.count(READY)


@pytest.mark.parametrize("work", [compare, scan, draw_thumbnails, check])
def test_reload_ui_comes_back_though_a_browser_was_closed_during_work(
    browser: Browser, page: Page, served: Server, work: Callable[[Page, Server], None]
) -> None:
    closed = browser.new_page()
    closed.set_default_timeout(120_000)
    work(closed, served)
    closed.close()
    before = started(served)
    open_pages(page, served, "Compare")
    page.evaluate("window.vaewbOldPage = true")
    page.locator("#footer a", has_text="Reload UI").click()
    page.wait_for_function("!window.vaewbOldPage && document.querySelector('#vaewb_run')", timeout=240_000)
    page.wait_for_timeout(SETTLED)
    assert started(served) == before + 1
    assert "vae_workbench" not in served.printed, served.printed  # as in a traceback of ours


def test_work_is_found_again_after_f5_and_cancelled_from_another_tab(
    browser: Browser, page: Page, served: Server
) -> None:
    compare(page, served)
    job = page.get_attribute("#vaewb_status .vaewb-progress", "data-vaewb-job")
    page.reload()
    page.wait_for_selector(f"#vaewb_status [data-vaewb-job='{job}']", state="attached")
    other = browser.new_page()
    open_pages(other, served, "Compare")
    other.wait_for_selector(f"#vaewb_status [data-vaewb-job='{job}']")
    other.click("#vaewb_cancel:not([disabled])")
    for each in (other, page):
        each.wait_for_selector("#vaewb_status :text('was cancelled')", state="attached")
    page.wait_for_timeout(SETTLED)
    other.close()
