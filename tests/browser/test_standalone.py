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
from tests.browser.compare_page import add_files, choose_no_source, choose_only, names_shown, run, shrink
from tests.server_process import Server
from tests.small_vaes import small_kl

if TYPE_CHECKING:
    from playwright.sync_api import Page

DEMOS = ["demo-vae-sd1", "demo-pale", "demo-vivid", "demo-blotched", "demo-overflows-in-fp16"]


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


def test_one_click_to_a_result(page: Page, app: Server, screenshots: Path | None) -> None:
    open_pages(page, app)
    shrink(page, 256)
    run(page)
    assert [name.split(".safetensors")[0] for name in names_shown(page)] == ["source", *DEMOS]
    for picture in page.locator("#vaewb_results .vaewb-grid img").all():
        picture.evaluate("image => image.decode()")
        assert picture.evaluate("image => image.naturalWidth") == 256
    measured = page.locator("#vaewb_results .vaewb-table").inner_text()
    assert "PSNR" in measured and "saturation" in measured
    assert "paler" in page.locator("#vaewb_results .vaewb-figure", has_text="demo-pale").inner_text()
    assert "Compared 5" in page.inner_text("#vaewb_status")
    if screenshots:
        page.screenshot(path=screenshots / "standalone-compare.png", full_page=True)


def test_only_what_is_new_is_decoded_and_a_comparison_outlives_f5(page: Page, app: Server) -> None:
    open_pages(page, app)
    choose_only(page, "demo-pale")
    shrink(page, 256)
    run(page)
    seconds = "document.querySelector('#vaewb_results vaewb-viewer').comparison.cells.map(cell => cell.seconds)"
    (first,) = page.evaluate(seconds)
    choose_only(page, "demo-pale", "own.safetensors")
    run(page)
    page.wait_for_function(f"{seconds}.length === 2")
    assert page.evaluate(seconds)[0] == first, "it was decoded again"
    page.reload()
    page.wait_for_selector("#vaewb_results .vaewb-grid .vaewb-pane >> nth=2")
    assert names_shown(page)[1:] == ["demo-pale.safetensors", "own.safetensors"]


def test_the_downloads_are_whole(page: Page, app: Server, tmp_path: Path) -> None:
    open_pages(page, app)
    choose_only(page, "demo-pale", "own.safetensors")
    shrink(page, 256)
    run(page)
    for name in ("comparison.zip", "comparison.html"):
        with page.expect_download() as download:
            page.locator(f"#vaewb_links a[download='{name}']").click()
        download.value.save_as(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "comparison.zip") as archive:
        assert archive.testzip() is None
        report = json.loads(archive.read("report.json"))
        pictures = {"face/source.png", *(cell["image"] for cell in report["cells"])}
        assert pictures == {"face/source.png", "face/demo-pale.png", "face/own.png"} <= set(archive.namelist())
    assert (report["sources"][0]["width"], report["sources"][0]["height"]) == (256, 256)
    shared = page.context.browser.new_page()  # type: ignore[union-attr]
    shared.goto((tmp_path / "comparison.html").as_uri())
    shared.wait_for_selector(".vaewb-grid .vaewb-pane img >> nth=2")
    shared.keyboard.press("a")
    assert shared.locator(".vaewb-left").is_visible(), "keys work at once: nothing else is there"
    shared.close()


def test_a_broken_file_is_listed_apart_with_the_reason(page: Page, app: Server) -> None:
    open_pages(page, app)
    page.wait_for_selector("vaewb-picker [data-group=unusable]")
    page.click("vaewb-picker [data-group=unusable] summary")
    told = page.locator("vaewb-picker .vaewb-unusable", has_text="<b>broken&.safetensors")
    assert told.locator("input").count() == 0 and len(told.locator("small").inner_text()) > 10


def test_views_of_the_first_comparison_can_be_made_after_a_picture_was_added(
    page: Page, app: Server, tmp_path: Path
) -> None:
    """They were asked for of the comparison that the picture is for: "This source is no longer there"."""
    open_pages(page, app)
    choose_only(page, "own.safetensors")
    shrink(page, 256)
    run(page)
    viewer = "document.querySelector('#vaewb_results vaewb-viewer')"
    first = page.evaluate(
        f"() => {{ {viewer}.dataset.first = vaewbComparisons.own(); sessionStorage.removeItem('vaewb-comparison');"
        f"return {viewer}.dataset.first; }}"
    )
    Image.new("RGB", (32, 32)).save(tmp_path / "p.png")
    add_files(page, tmp_path / "p.png")
    page.wait_for_timeout(1500)  # until the page has looked several times what is to be shown
    assert page.evaluate("[vaewbComparisons.shown(), vaewbComparisons.own() !== '']") == [first, True]


def test_the_picker_says_when_it_has_nothing(page: Page, app: Server) -> None:
    open_pages(page, app)
    choose_only(page)
    assert page.locator("vaewb-picker .vaewb-fit").is_disabled(), "without a first one it took all families"
    page.fill("vaewb-picker .vaewb-search", "no such words")
    assert page.get_by_text("No VAE has these words.").is_visible()
    page.fill("vaewb-picker .vaewb-search", "")
    assert page.get_by_text("No VAE has these words.").is_hidden()


def test_an_own_picture_of_any_kind(page: Page, app: Server, tmp_path: Path) -> None:
    """Transparency and EXIF rotation survive the way through the browser."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (300, 200), (255, 0, 0, 0)).save(tmp_path / "p.png", exif=exif)
    open_pages(page, app)
    choose_no_source(page)
    add_files(page, tmp_path / "p.png")
    choose_only(page, "demo-vae")
    run(page)
    assert "at 200×300" in page.inner_text("#vaewb_status")
    white = "async () => { const v = document.querySelector('#vaewb_results vaewb-viewer');"
    white += " return [...(await v.pixels(v.address(0, -1))).data.slice(0, 3)]; }"
    assert page.evaluate(white) == [255, 255, 255], "what is transparent lies on white"


@pytest.mark.parametrize(
    ("prepare", "sentence"), [("no picture", "There is no picture yet"), ("no vae", "No VAE was chosen")]
)
def test_what_is_missing_is_said(page: Page, app: Server, prepare: str, sentence: str) -> None:
    open_pages(page, app)
    if prepare == "no picture":
        choose_no_source(page)
    else:
        choose_only(page)
    page.click("#vaewb_run")
    page.wait_for_selector(f"#vaewb_status .vaewb-error:has-text('{sentence}')")


def test_cancel_stops_and_another_run_works(page: Page, app: Server) -> None:
    open_pages(page, app)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_status .vaewb-progress")
    page.wait_for_selector("#vaewb_cancel:not([disabled])")
    page.click("#vaewb_cancel")
    page.wait_for_selector("#vaewb_status :text('was cancelled')")
    choose_only(page, "own.safetensors")
    shrink(page, 256)
    run(page)
    assert "own.safetensors" in names_shown(page)


def test_a_new_file_appears_on_refresh(page: Page, app: Server) -> None:
    open_pages(page, app)
    new = app.log.parent / "own" / "new.safetensors"
    save_file(small_kl(8), new)
    try:
        listed = page.locator("vaewb-picker label", has_text="new.safetensors")
        page.click("#vaewb_refresh")  # also while the page takes its own first look: it is looked again after that
        listed.wait_for()
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
