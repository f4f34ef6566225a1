"""The extension in the real web UI, driven in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from skimage.data import data_dir

from tests.browser.compare_page import add_files, choose_only
from tests.host.conftest import ROOT, WebUI
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

NEEDS_PAGE = "which is not built here"
"""Why tests are skipped in the web UI's modules alone."""

pytestmark = pytest.mark.xdist_group("webui")


def open_tab(page: Page, server: Server) -> None:
    page.goto(server.address)
    page.wait_for_selector("#tab_vaewb", state="attached")
    page.locator("#tabs > .tab-nav button", has_text="VAE").click()
    page.wait_for_selector("#vaewb_run:visible")


def run_comparison(page: Page, *names: str) -> None:
    if page.locator("vaewb-sources .vaewb-chip").count() < 2:
        add_files(page, Path(data_dir) / "coffee.png")
    choose_only(page, *names)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_status :text('Compared')")
    page.wait_for_selector(f"#vaewb_results .vaewb-grid .vaewb-figure >> nth={len(names)}")


def test_a_comparison_in_the_tab(page: Page, running: Server, screenshots: Path | None) -> None:
    open_tab(page, running)
    run_comparison(page, "demo-vae", "demo-vivid", "vae-a.safetensors")
    page.locator("vaewb-picker .vaewb-unusable", has_text="bad-notavae").wait_for(state="attached")
    for picture in page.locator("#vaewb_results .vaewb-grid img").all():
        picture.evaluate("image => image.decode()")
        assert picture.evaluate("image => image.naturalWidth") > 500
    if screenshots:
        page.screenshot(path=screenshots / "webui-compare.png", full_page=True)


def test_the_selector_is_in_the_top_bar(page: Page, running: Server) -> None:
    page.goto(running.address)
    page.wait_for_selector("#quicksettings #setting_sd_vae")
    assert page.locator("#quicksettings #setting_sd_vae").count() == 1
    page.wait_for_timeout(
        5000
    )  # a page that is closed before it has its values keeps the web UI from reloading, also alone


def test_reload_ui_twice(page: Page, running: Server) -> None:
    open_tab(page, running)
    for _ in range(2):
        page.wait_for_timeout(
            5000
        )  # while the page still asks for its values, the web UI waits for it before it reloads
        page.evaluate("window.vaewbOldPage = true")
        page.locator("#footer a", has_text="Reload UI").click()
        page.wait_for_function("!window.vaewbOldPage && document.querySelector('gradio-app')", timeout=120_000)
        page.wait_for_selector("#quicksettings #setting_sd_vae")
        assert page.locator("#quicksettings #setting_sd_vae").count() == 1
    assert page.locator("#tabs > .tab-nav button", has_text="VAE").count() == 1
    page.locator("#tabs > .tab-nav button", has_text="VAE").click()
    run_comparison(page, "demo-pale")


def test_a_comparison_while_a_picture_is_made(page: Page, running: Server) -> None:
    """Both come out right: the comparison waits for its turn."""
    open_tab(page, running)
    request = "fetch('/sdapi/v1/txt2img', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify("
    page.evaluate(
        f"window.vaewbJob = {request}{{prompt: 'a', steps: 8, width: 128, height: 128}})}}).then(r => r.status); 0"
    )
    run_comparison(page, "demo-vae")
    assert page.evaluate("window.vaewbJob") == 200


def test_nothing_of_ours_failed(running: Server) -> None:
    assert "vae_workbench" not in running.printed and "Error loading script" not in running.printed


def test_without_pages(webui: WebUI) -> None:
    with webui.serve("--nowebui") as server:
        assert "vae_workbench" not in server.printed and "Error loading script" not in server.printed


def test_without_gradios_queue(webui: WebUI, demo_folder: Path, page: Page) -> None:
    """Pages cannot be updated then while work runs; the result still comes."""
    with webui.serve("--no-gradio-queue", "--vae-dir", str(demo_folder)) as server:
        open_tab(page, server)
        run_comparison(page, "demo-vae")


def test_nothing_is_left_behind(webui: WebUI, tmp_path: Path) -> None:
    """After a run, the web UI's own files hold nothing of ours, and its checkout is clean."""
    fresh = replace(webui, scratch=tmp_path)  # others may have saved settings, and all settings are saved then
    fresh.config.write_text("{}")
    with fresh.serve():
        pass
    assert "vaewb" not in fresh.config.read_text()
    assert "sd_vae" not in json.loads(fresh.config.read_text()).get("quicksettings_list", [])
    if fresh.ui_config.exists():
        assert "vaewb" not in fresh.ui_config.read_text() and "VAEs to compare" not in fresh.ui_config.read_text()
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=webui.root, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_the_same_functions_against_the_real_modules(webui: WebUI, tmp_path: Path) -> None:
    """What CI runs against the double, and what needs the web UI's own networks, in the web UI's Python."""
    tests = [str(ROOT / "tests" / "webui"), str(ROOT / "tests" / "host" / "inside")]
    options = [
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore",
        "-rs",
        "--rootdir",
        str(ROOT),
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    done = subprocess.run(
        [str(webui.python), "-m", "pytest", *options, *tests],
        cwd=tmp_path,
        env={**os.environ, "VAEWB_REAL_HOST": str(webui.root), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED") and NEEDS_PAGE not in line]
    assert not skipped, done.stdout
