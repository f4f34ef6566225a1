"""Work behind the pages while browsers come and go, and the end of the app meanwhile.

gradio 3.41 left the websocket of a queued handler waiting for ever once its browser had gone. The app was then still alive
20 s after Ctrl+C, and a second Ctrl+C made Python abort.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from safetensors.torch import save_file

from tests.browser.app import serving_app
from tests.identity.files import small_kl
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MANY = 300
"""Files, enough for a scan that somebody can watch."""

PATIENCE = 20
"""Seconds after which the app is taken for one that does not end. It takes less than five."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    save_file(small_kl(7), folder / "own.safetensors")
    for number in range(MANY):
        os.link(folder / "own.safetensors", folder / f"own-{number}.safetensors")
    return folder


@pytest.fixture
def app(tmp_path: Path, own: Path) -> Iterator[Server]:
    with serving_app(tmp_path, own) as server:
        yield server


@pytest.fixture(scope="module")
def shared_app(tmp_path_factory: pytest.TempPathFactory, own: Path) -> Iterator[Server]:
    """For tests after which it goes on."""
    with serving_app(tmp_path_factory.mktemp("app"), own) as server:
        yield server


def open_page(page: Page, app: Server) -> None:
    page.goto(app.address)
    page.wait_for_selector("#vaewb_run")


def open_library(page: Page, app: Server) -> None:
    open_page(page, app)
    page.locator("#vaewb_pages > .tab-nav button", has_text="Library").click()


def asked_all(page: Page) -> None:
    """Waits until a page that was just opened has asked all that it asks by itself, such as whether something runs."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    for _ in range(20):
        with contextlib.suppress(PlaywrightTimeout), page.expect_response("**/predict**", timeout=3_000):
            continue
        return


def looked(page: Page, app: Server) -> None:
    open_library(page, app)
    page.wait_for_selector("#vaewb_library_table .vaewb-row")
    page.wait_for_selector("#vaewb_library_cancel[disabled]")


def compare(page: Page, app: Server) -> None:
    open_page(page, app)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_status .vaewb-progress")


def scan(page: Page, app: Server) -> None:
    open_library(page, app)
    page.wait_for_selector("#vaewb_library_status .vaewb-progress")


def draw_thumbnails(page: Page, app: Server) -> None:
    looked(page, app)
    page.click("#vaewb_library_draw")
    page.wait_for_selector("#vaewb_library_status .vaewb-progress")


def check(page: Page, app: Server) -> None:
    looked(page, app)
    page.locator("#vaewb_library_table .vaewb-search").fill("demo-vivid")
    page.locator("#vaewb_library_table .vaewb-row").click()
    page.click("#vaewb_library_check_it")
    page.wait_for_selector("#vaewb_library_status .vaewb-progress")


def ends(app: Server, number: signal.Signals) -> bool:
    """Whether the app ends at a signal, and says nothing of what it was torn from."""
    app.process.send_signal(number)
    return app.process.wait(PATIENCE) == 0 and "Traceback" not in app.printed and "ERROR" not in app.printed


@pytest.mark.parametrize(
    ("work", "number"),
    [
        (compare, signal.SIGINT),
        (scan, signal.SIGTERM),
        (draw_thumbnails, signal.SIGINT),
        (check, signal.SIGTERM),
    ],
)
def test_the_app_ends_though_a_browser_was_closed_during_work(
    page: Page, app: Server, work: Callable[[Page, Server], None], number: signal.Signals
) -> None:
    work(page, app)
    page.close()
    assert ends(app, number), app.printed


def test_a_second_interrupt_ends_it_too_while_a_browser_watches(page: Page, app: Server) -> None:
    compare(page, app)
    app.process.send_signal(signal.SIGINT)
    app.process.send_signal(signal.SIGINT)
    assert ends(app, signal.SIGINT), app.printed


def test_the_app_ends_during_an_upload_and_takes_no_websockets(app: Server) -> None:
    host = urlsplit(app.address).netloc
    upgrade = (
        "GET /queue/join HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    upload = (
        "POST /upload HTTP/1.1",
        f"Host: {host}",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 1000",
    )
    with (
        socket.create_connection(("127.0.0.1", urlsplit(app.address).port)) as websocket,
        socket.create_connection(("127.0.0.1", urlsplit(app.address).port)) as uploading,
    ):
        websocket.sendall("\r\n".join((*upgrade, "", "")).encode())
        assert websocket.recv(100).startswith(b"HTTP/1.1 403")
        uploading.sendall("\r\n".join((*upload, "", "--x")).encode())
        assert ends(app, signal.SIGTERM), app.printed


def test_work_is_found_again_after_f5_and_is_nobody_elses(browser: Browser, page: Page, shared_app: Server) -> None:
    """A second browser showed how far the first one's comparison was, and could cancel it."""
    compare(page, shared_app)
    job = page.get_attribute("#vaewb_status .vaewb-progress", "data-vaewb-job")
    page.reload()
    page.wait_for_selector(f"#vaewb_status [data-vaewb-job='{job}']")
    page.wait_for_selector("#vaewb_run[disabled]")
    other = browser.new_page()
    other.set_default_timeout(60_000)
    open_page(other, shared_app)
    asked_all(other)
    assert not other.locator("#vaewb_status .vaewb-progress").count()
    other.close()
    page.click("#vaewb_cancel:not([disabled])")
    page.wait_for_selector("#vaewb_status :text('was cancelled')")
    page.wait_for_selector("#vaewb_run:not([disabled])")


def test_results_that_came_meanwhile_are_shown_after_f5(page: Page, shared_app: Server) -> None:
    open_page(page, shared_app)
    page.locator("#vaewb_compare_options .label-wrap").click()
    page.locator("#vaewb_side input[type=number]").fill("384")
    page.locator("#vaewb_side input[type=number]").press("Enter")
    page.click("#vaewb_run")
    bar = page.wait_for_selector("#vaewb_status .vaewb-progress")
    assert bar is not None
    job = bar.get_attribute("data-vaewb-job")
    page.wait_for_function("sessionStorage.getItem('vaewb-job-compare')")
    page.goto("about:blank")
    page.wait_for_timeout(100)
    while not page.request.get(f"{shared_app.address}/vae-workbench/jobs/{job}").json()["ended"]:
        page.wait_for_timeout(200)
    page.goto(shared_app.address)
    page.wait_for_selector("#vaewb_results .vaewb-grid .vaewb-pane >> nth=4")
    assert "Compared 5" in page.inner_text("#vaewb_status")


def test_two_browsers_compare_and_each_cancels_its_own(browser: Browser, page: Page, shared_app: Server) -> None:
    other = browser.new_page()
    other.set_default_timeout(60_000)
    for each in (page, other):
        open_page(each, shared_app)
        asked_all(each)
    for each in (page, other):
        each.click("#vaewb_run")
        each.wait_for_selector("#vaewb_status .vaewb-progress")
    assert not other.locator("#vaewb_status button:text('Watch it')").count()
    for each in (other, page):
        each.click("#vaewb_cancel:not([disabled])")
        each.wait_for_selector("#vaewb_status :text('was cancelled')")
    other.close()


def test_nothing_is_asked_of_other_servers_and_nothing_stays_open(page: Page, shared_app: Server) -> None:
    """gradio's page asks a network of other servers for a script, at every start."""
    asked, sockets = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda websocket: sockets.append(websocket.url))
    compare(page, shared_app)
    page.click("#vaewb_cancel:not([disabled])")
    page.wait_for_selector("#vaewb_status :text('was cancelled')")
    for tab in ("Library", "Checkpoints"):
        page.locator("#vaewb_pages > .tab-nav button", has_text=tab).click()
        page.wait_for_selector(f"#vaewb_{tab.lower()}_cancel[disabled]", state="attached")
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(shared_app.address).netloc} and sockets == []
