"""The page "Checkpoints" where a person says which VAE each of them gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from tests.browser.app import serving_app
from tests.identity.files import checkpoint, small_kl
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OWN = "the checkpoint's own"
EVIL = "<img src=x onerror=alert(1)>.safetensors"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Checkpoints of both families, with and without a VAE, and VAEs of both, surely or probably."""
    folder = tmp_path / "own"
    folder.mkdir()
    for seed, name in enumerate(("AOM3", "anime", "realistic")):
        save_file(checkpoint("sd1", small_kl(10 + seed)), folder / f"{name}.safetensors")
    save_file(checkpoint("sd1", {}), folder / "bare.safetensors")
    save_file(checkpoint("sdxl", small_kl(20)), folder / "xl.safetensors")
    save_file(small_kl(10), folder / "orange.vae.safetensors")
    save_file(small_kl(11), folder / "mse.safetensors")
    save_file(small_kl(20), folder / "for-xl.safetensors")
    save_file(
        small_kl(30), folder / "sdxl-perhaps.safetensors", {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    )
    save_file(
        {name: torch.full_like(tensor, float("nan")) for name, tensor in small_kl(31).items()},
        folder / "nan.safetensors",
    )
    save_file(small_kl(40), folder / EVIL)
    return folder


@pytest.fixture
def app(tmp_path: Path, models: Path) -> Iterator[Server]:
    with serving_app(tmp_path, models) as server:
        yield server


@pytest.fixture
def checkpoints(page: Page, app: Server) -> Page:
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    return opened(page, app)


def opened(page: Page, app: Server, query: str = "") -> Page:
    page.goto(app.address + query)
    page.locator("#vaewb_pages > .tab-nav button", has_text="Checkpoints").click()
    page.wait_for_selector("#vaewb_checkpoints_table .vaewb-row")
    rested(page)
    return page


def rested(page: Page) -> None:
    page.wait_for_selector("#vaewb_checkpoints_scan:not([disabled])")


def row(page: Page, name: str) -> Locator:
    return page.locator(f"#vaewb_checkpoints_table .vaewb-row[data-key='{name}']")


def look(page: Page, screenshots: Path | None, name: str) -> None:
    if screenshots:
        page.screenshot(path=screenshots / f"preferences-{name}.png", full_page=True)


def choose(page: Page, field: str, vae: str) -> None:
    page.locator(f"#{field} input").click()
    page.locator(f"#{field} ul.options li", has_text=vae).first.click()


def test_see(checkpoints: Page, app: Server, screenshots: Path | None) -> None:
    page = checkpoints
    look(page, screenshots, "start")
    row(page, "AOM3.safetensors").click()
    page.wait_for_selector("#vaewb_checkpoints_details h3")
    page.locator("#vaewb_checkpoints_details summary", has_text="Why this one?").click()
    choose(page, "vaewb_preferences_vae", "mse")
    page.click("#vaewb_preferences_use")
    page.wait_for_selector("#vaewb_checkpoints_status :text('from now on')")
    look(page, screenshots, "set")
    for name in ("AOM3", "anime"):
        row(page, f"{name}.safetensors").locator(".vaewb-mark").click()
    choose(page, "vaewb_preferences_vae", "sdxl-perhaps")
    page.click("#vaewb_preferences_use")
    page.wait_for_selector("#vaewb_checkpoints_status .vaewb-warning")
    page.locator("#vaewb_rules .label-wrap").click()
    page.locator("#vaewb_rules_pattern input").fill("a*")
    choose(page, "vaewb_rules_vae", "orange")
    page.click("#vaewb_rules_add")
    page.wait_for_selector("#vaewb_rules_list li")
    page.locator("#vaewb_defaults .label-wrap").click()
    page.locator("#vaewb_exchange .label-wrap").click()
    page.wait_for_timeout(500)
    look(page, screenshots, "rules")
