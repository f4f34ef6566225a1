"""``python run.py app`` as a person uses it: the real pages in a real browser."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from safetensors.torch import save_file

from tests.browser.app import serving_app
from tests.server_process import Server
from tests.small_vaes import small_kl

if TYPE_CHECKING:
    from playwright.sync_api import Page

DEMOS = ["demo-vae-sd1", "demo-pale", "demo-vivid", "demo-overflows-in-fp16"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app with the demo VAEs, and a folder of the user's own with a good and a broken file."""
    folder = tmp_path_factory.mktemp("app")
    own = folder / "own"
    own.mkdir()
    save_file(small_kl(7), own / "own.safetensors")
    (own / "<b>broken&.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00garbagegarbage!!")
    with serving_app(folder, own) as server:
        yield server


def open_pages(page: Page, app: Server) -> None:
    page.goto(app.address)
    page.wait_for_selector("#vaewb_run")


def choose_only(page: Page, *names: str) -> None:
    """Empties the list of VAEs and picks these."""
    while page.locator("#vaewb_vaes .token-remove:visible").count():
        page.locator("#vaewb_vaes .token-remove:visible").first.click()
    for name in names:
        page.locator("#vaewb_vaes input").click()
        page.locator("#vaewb_vaes ul.options li", has_text=name).first.click()
    page.keyboard.press("Escape")


def shrink(page: Page, pixels: int) -> None:
    if not page.locator("#vaewb_side input[type=number]").is_visible():
        page.locator("#vaewb_compare_options .label-wrap").click()
    field = page.locator("#vaewb_side input[type=number]")
    field.fill(str(pixels))
    field.press("Enter")


def test_one_click_to_a_result(page: Page, app: Server, screenshots: Path | None) -> None:
    open_pages(page, app)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_results .vaewb-card >> nth=4")
    names = page.locator("#vaewb_results figcaption").all_inner_texts()
    assert [name.split(".safetensors")[0].split()[0] for name in names] == ["original", *DEMOS]
    for picture in page.locator("#vaewb_results .vaewb-picture > img:first-child").all():
        picture.evaluate("image => image.decode()")
        assert picture.evaluate("image => image.naturalWidth") > 500
    rows = page.locator("#vaewb_results .vaewb-card >> nth=1").inner_text()
    assert "PSNR" in rows and "dB" in rows and "saturation" in rows
    assert "Compared 4" in page.inner_text("#vaewb_status")
    if screenshots:
        page.screenshot(path=screenshots / "standalone-compare.png", full_page=True)


def test_the_downloads_are_whole(page: Page, app: Server, tmp_path: Path) -> None:
    open_pages(page, app)
    choose_only(page, "demo-pale", "own.safetensors")
    shrink(page, 256)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_files a[download]")
    links = {link.get_attribute("download"): link for link in page.locator("#vaewb_files a[download]").all()}
    assert set(links) >= {"vae-comparison.zip", "grid.png", "report.json"}
    with page.expect_download() as download:
        links["vae-comparison.zip"].click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        report = json.loads(archive.read("report.json"))
        assert {"original.png", "grid.png", *(r["picture"] for r in report["results"])} <= set(archive.namelist())
    assert report["picture"]["size"] == [256, 171]


def test_a_broken_file_is_told_beside_the_good_ones(page: Page, app: Server) -> None:
    open_pages(page, app)
    choose_only(page, "broken&", "own.safetensors")
    shrink(page, 256)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_results .vaewb-card >> nth=2")
    assert page.locator("#vaewb_results .vaewb-error").count() == 1
    assert "<b>broken&.safetensors" in page.locator("#vaewb_results figcaption").nth(1).inner_text()
    assert "Could not use <b>broken&.safetensors" in page.inner_text("#vaewb_status")


def test_an_own_picture_of_any_kind(page: Page, app: Server, tmp_path: Path) -> None:
    """Transparency and EXIF rotation survive the way through the browser."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (300, 200), (255, 0, 0, 0)).save(tmp_path / "p.png", exif=exif)
    open_pages(page, app)
    page.locator("#vaewb_picture button[aria-label=Clear]").click()
    page.set_input_files("#vaewb_picture input[type=file]", tmp_path / "p.png")
    page.wait_for_selector("#vaewb_picture img")
    choose_only(page, "demo-vae")
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_results .vaewb-card >> nth=1")
    assert "at 200×300" in page.inner_text("#vaewb_status")
    original = page.locator("#vaewb_results .vaewb-card >> nth=0").inner_text()
    assert "brightness\t100.0" in original, "what is transparent lies on white"


@pytest.mark.parametrize(
    ("prepare", "sentence"), [("no picture", "There is no picture yet"), ("no vae", "No VAE was chosen")]
)
def test_what_is_missing_is_said(page: Page, app: Server, prepare: str, sentence: str) -> None:
    open_pages(page, app)
    if prepare == "no picture":
        page.locator("#vaewb_picture button[aria-label=Clear]").click()
    else:
        choose_only(page)
    page.click("#vaewb_run")
    page.wait_for_selector(f"#vaewb_status .vaewb-error:has-text('{sentence}')")


def test_cancel_stops_and_another_run_works(page: Page, app: Server) -> None:
    open_pages(page, app)
    shrink(page, 4096)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_status .vaewb-progress")
    page.wait_for_selector("#vaewb_cancel:not([disabled])")
    page.click("#vaewb_cancel")
    page.wait_for_selector("#vaewb_status :text('was cancelled')")
    choose_only(page, "own.safetensors")
    shrink(page, 256)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_results .vaewb-card >> nth=1")


def test_a_new_file_appears_on_refresh(page: Page, app: Server) -> None:
    open_pages(page, app)
    new = app.log.parent / "own" / "new.safetensors"
    save_file(small_kl(8), new)
    try:
        page.click("#vaewb_refresh")
        page.wait_for_selector("#vaewb_status :text('7 VAE files')")
        page.locator("#vaewb_vaes input").click()
        page.wait_for_selector("#vaewb_vaes ul.options li:has-text('new.safetensors')")
    finally:
        new.unlink()


def test_the_page_works_on_a_narrow_screen(page: Page, app: Server, screenshots: Path | None) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_pages(page, app)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if screenshots:
        page.screenshot(path=screenshots / "standalone-narrow.png", full_page=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
        {"Origin": "null"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_other_sites_are_turned_away(app: Server, headers: dict[str, str]) -> None:
    """A web page that the person visits must not be able to use the app behind their back."""
    assert status(app.address + "/config") == 200
    assert status(app.address + "/config", headers) == 403


@pytest.mark.parametrize("name", ["log.txt", "own/own.safetensors", "../../../../etc/passwd"])
def test_files_beside_the_app_cannot_be_had(app: Server, name: str) -> None:
    """gradio would serve everything below the folder it was started in."""
    assert status(f"{app.address}/file={app.log.parent / name}") in (403, 404)


def status(address: str, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers or {}), timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
