"""The pages "Library" and "Checkpoints" as a person uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.browser.accessibility import violations
from tests.browser.app import ROOT, serving_app
from tests.identity.files import cast, checkpoint, mixed, save, small_kl, sparse
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

EVIL = "<img src=x onerror=alert(1)>.safetensors"
A, B = small_kl(1), small_kl(2)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good, copied, merged, pickled and broken VAEs, one that takes seconds to hash, and checkpoints."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "sub").mkdir()
    save_file(A, folder / "a.safetensors")
    save_file({**B, "loss.logvar": torch.ones(5_000_000)}, folder / "b.safetensors")  # not hashed at once
    save_file(cast(A, torch.float16), folder / "sub/a-half.safetensors")
    save_file(mixed(0.7, A, B), folder / "mix.safetensors")
    save_file(small_kl(3), folder / "vae.safetensors")
    save(folder / "sub/vae.pt", small_kl(4), "torch-zip")
    save_file(small_kl(5), folder / "sub/vae.safetensors")
    save_file(
        {name: tensor for name, tensor in A.items() if name != "decoder.conv_out.bias"}, folder / "cut.safetensors"
    )
    (folder / EVIL).write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00garbagegarbage!!")
    shapes = {name: tuple(tensor.shape) for name, tensor in A.items()}
    sparse(folder / "huge.safetensors", {**shapes, "loss.logvar": (2 * 10**9,)})
    save_file(checkpoint("sd1", A), folder / "model-a.safetensors")
    save_file(checkpoint("sdxl", {}), folder / "model-without.safetensors")
    damaged = {**B, "decoder.conv_out.bias": torch.tensor([0.0, float("nan"), 0.0])}
    save(folder / "model-damaged.ckpt", checkpoint("sd2", damaged), "torch-zip")
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    with serving_app(tmp_path_factory.mktemp("app"), models) as server:
        yield server


@pytest.fixture
def library(page: Page, app: Server) -> Page:
    """The page "Library", scanned. Dialogs fail: none of ours asks anything."""
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    return opened(page, app, "Library")


def opened(page: Page, app: Server, tab: str, query: str = "") -> Page:
    page.goto(app.address + query)
    page.locator("#vaewb_pages > .tab-nav button", has_text=tab).click()
    page.wait_for_selector(f"#vaewb_{tab.lower()}_table .vaewb-row")
    page.wait_for_selector(f"#vaewb_{tab.lower()}_cancel[disabled]")
    return page


def rows(page: Page, table: str = "library") -> Locator:
    return page.locator(f"#vaewb_{table}_table .vaewb-row")


def names(page: Page, table: str = "library") -> list[str]:
    """Names in the order of the table; all fit into the view."""
    return [str(row.get_attribute("data-key")) for row in rows(page, table).all()]


def row(page: Page, name: str, table: str = "library") -> Locator:
    return page.locator(f"#vaewb_{table}_table .vaewb-row[data-key='{name}']")


def details(page: Page, name: str, table: str = "library") -> str:
    """What the details say once they are those of this file."""
    page.locator(f"#vaewb_{table}_details header h2", has_text=name).wait_for()
    page.locator(f"#vaewb_{table}_details vaewb-technical details").evaluate("folded => { folded.open = true; }")
    return page.locator(f"#vaewb_{table}_details [aria-label=Details]").inner_text()


def search(page: Page, text: str) -> None:
    page.locator("#vaewb_library_table .vaewb-search").fill(text)


def test_every_vae_is_told_in_its_row(library: Page, screenshots: Path | None) -> None:
    assert "14 VAE files, 3 checkpoints, 1 broken file." in library.inner_text("#vaewb_library_status")
    search(library, "a.safetensors")
    assert "SD1 and SD2 · certain" in row(library, "a.safetensors").inner_text()
    search(library, "vae.pt")
    assert "pickle" in rows(library).inner_text()
    search(library, "cut")
    assert "broken" in rows(library).inner_text()
    search(library, "")
    if screenshots:
        library.screenshot(path=screenshots / "library.png", full_page=True)


def test_files_of_one_name_are_told_apart(library: Page) -> None:
    search(library, "vae.safetensors")
    assert {"sub/vae.safetensors"} < set(names(library)) and len(names(library)) == 2


def test_names_of_files_are_only_text(library: Page) -> None:
    search(library, "onerror")
    assert names(library) == [EVIL]
    rows(library).click()
    assert "broken: " in details(library, EVIL)
    assert library.locator("#vaewb_library img[src=x]").count() == 0


def test_search_filter_and_order_stay_after_a_scan(library: Page) -> None:
    table = library.locator("#vaewb_library_table")
    table.locator("select[aria-label='Latent space']").select_option("SD1 and SD2")
    search(library, "SAFE a")
    found = names(library)
    assert {"a.safetensors", "a-half.safetensors"} <= set(found) and "b.safetensors" not in found
    assert found == sorted(found)
    table.locator(".vaewb-table-head button", has_text="Name").click()
    assert names(library) == found[::-1]
    assert table.locator("[aria-sort=descending]").inner_text() == "Name"
    library.click("#vaewb_library_scan")
    library.wait_for_selector("#vaewb_library_status :text('0 of 18 were new')")
    library.wait_for_function("document.querySelector('#vaewb_library_table .vaewb-search').value === 'SAFE a'")
    assert names(library) == found[::-1]


def test_a_search_without_a_hit_shows_no_row(library: Page) -> None:
    search(library, "no such file")
    assert names(library) == []
    assert library.inner_text("#vaewb_library_table .vaewb-count") == "0 / 15 files"


def test_sizes_are_sorted_as_numbers(library: Page) -> None:
    library.locator("#vaewb_library_table .vaewb-table-head button", has_text="Size").click()
    assert names(library)[0] == EVIL
    library.locator("#vaewb_library_table .vaewb-table-head button", has_text="Size").click()
    assert names(library)[0] == "huge.safetensors"


def test_details_lead_to_copies(library: Page) -> None:
    row(library, "a.safetensors").click()
    told = details(library, "a.safetensors")
    assert "SD1 and SD2 · certain" in told
    assert "It has the same weights as model-a.safetensors, and that is a checkpoint of SD1 and SD2." in told
    library.locator("#vaewb_library_details .vaewb-link", has_text="a-half.safetensors").click()
    assert "fp16" in details(library, "a-half.safetensors")
    assert row(library, "a-half.safetensors").get_attribute("aria-selected") == "true"


def test_a_merge_is_told_and_drawn(library: Page) -> None:
    row(library, "mix.safetensors").click()
    assert "It is a merge: 0.70 × a" in details(library, "mix.safetensors")
    drawing = library.locator("#vaewb_library_map svg")
    assert {"merge 0.70", "0.30", "mix", "2 copies"} <= set(drawing.locator("text").all_text_contents())
    drawing.locator("[data-vaewb-open='b.safetensors']").click()
    details(library, "b.safetensors")


def test_cards_and_table_show_the_same_files(page: Page, app: Server, library: Page) -> None:
    table = library.locator("#vaewb_library_table vaewb-table")
    assert library.locator(".vaewb-card[data-key='a.safetensors']").count() == 1, "cards are shown first"
    shown = int(library.inner_text("#vaewb_library_table .vaewb-count").split()[0])
    library.get_by_label("Table", exact=True).click()
    assert library.locator(".vaewb-card").count() == 0 and table.locator(".vaewb-row").count() > 5
    assert int(library.inner_text("#vaewb_library_table .vaewb-count").split()[0]) == shown
    opened(page, app, "Library")
    assert library.locator(".vaewb-card").count() == 0, "it stays as it was chosen"
    library.get_by_label("Cards", exact=True).click()
    assert library.get_by_label("Cards", exact=True).get_attribute("aria-pressed") == "true"


def test_arrows_move_between_cards(library: Page) -> None:
    everything = library.evaluate(
        "[...document.querySelectorAll('#vaewb_library_table .vaewb-card')].map(card => [card.dataset.key, card.offsetTop])"
    )
    across = sum(top == everything[0][1] for _, top in everything)
    assert across > 1
    view = library.locator("#vaewb_library_table .vaewb-table-view")
    for keys, place in (
        (["ArrowDown"], 0),
        (["ArrowRight"], 1),
        (["ArrowDown"], 1 + across),
        (["ArrowUp", "ArrowLeft"], 0),
    ):
        for key in keys:
            view.press(key)
        assert library.locator("#vaewb_library_table .vaewb-active").get_attribute("data-key") == everything[place][0]


def test_a_search_reaches_copies_and_the_map_and_is_taken_back(library: Page) -> None:
    group = library.locator("#vaewb_library_copies .vaewb-groups li")
    search(library, "mix")
    group.wait_for(state="hidden")
    box = library.locator("#vaewb_library_map [data-vaewb-open='b.safetensors']")
    assert "vaewb-unfound" in str(box.get_attribute("class"))
    library.get_by_text("Show all").click()
    group.wait_for()
    assert "vaewb-unfound" not in str(box.get_attribute("class"))
    assert library.locator("#vaewb_library_table .vaewb-search").input_value() == ""


@pytest.mark.parametrize("tab", ["Library", "Checkpoints"])
@pytest.mark.parametrize("width", [800, 390])
def test_details_open_where_the_person_looks(page: Page, app: Server, tab: str, width: int) -> None:
    """They opened below the table, out of view."""
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, app, tab)
    rows(page, tab.lower()).nth(1).click()
    title = page.locator(f"#vaewb_{tab.lower()}_details header h2")
    title.wait_for()
    first = title if tab == "Library" else page.locator(".vaewb-whose")
    box = first.bounding_box()
    assert box and 0 <= box["y"] < 900 and 0 <= box["x"] < width
    page.locator(f"#vaewb_{tab.lower()} .vaewb-side > .vaewb-close").click()
    title.wait_for(state="hidden")
    rows(page, tab.lower()).first.click()
    title.wait_for()
    page.keyboard.press("Escape")
    title.wait_for(state="hidden")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["Library", "Checkpoints"])
def test_nobody_is_kept_out(page: Page, app: Server, tab: str, theme: str) -> None:
    """axe-core finds nothing to object to, in either theme."""
    opened(page, app, tab, f"/?__theme={theme}")
    rows(page, tab.lower()).first.click()
    page.locator(f"#vaewb_{tab.lower()}_details header h2").wait_for()
    assert violations(page, f"#vaewb_{tab.lower()}") == []
    if tab == "Library":
        page.get_by_label("Table", exact=True).click()
        assert violations(page, "#vaewb_library_table") == []


def test_copies_are_grouped(library: Page) -> None:
    group = library.locator("#vaewb_library_copies .vaewb-groups li")
    assert group.count() == 1
    assert "a.safetensors fp32" in group.inner_text() and "a-half.safetensors fp16" in group.inner_text()


def test_everything_can_be_reached_by_keyboard(library: Page) -> None:
    library.locator("#vaewb_library_table .vaewb-search").focus()
    for _ in range(20):  # filters and headings come first
        if library.evaluate("document.activeElement.getAttribute('role')") == "grid":
            break
        library.keyboard.press("Tab")
    everything = names(library)
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Enter"):
        library.keyboard.press(key)
    details(library, everything[1])
    library.keyboard.press("End")
    library.keyboard.press("Enter")
    details(library, everything[-1])
    library.locator("#vaewb_library_map [data-vaewb-open='b.safetensors']").focus()
    library.keyboard.press("Enter")
    details(library, "b.safetensors")


def test_thumbnails_appear_by_themselves_and_are_kept(
    page: Page, app: Server, library: Page, screenshots: Path | None
) -> None:
    undrawn = (
        "[...document.querySelectorAll('#vaewb_library_table .vaewb-row')].filter(row => !row.querySelector('img'))"
    )
    search(library, "demo")
    library.wait_for_function(f"{undrawn}.length === 0")
    opened(page, app, "Library")
    library.wait_for_function(f"{undrawn}.every(row => !/^(a|b|mix|demo)/.test(row.dataset.key))")
    search(library, "demo-pale")
    picture = library.locator("#vaewb_library_table .vaewb-thumbnail img")
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") == 128
    search(library, "cut.safetensors")
    assert row(library, "cut.safetensors").locator("img").count() == 0
    search(library, "")
    row(library, "demo-vivid.safetensors").click()
    details(library, "demo-vivid.safetensors")
    if screenshots:
        page.screenshot(path=screenshots / "library-details.png", full_page=True)


def test_a_name_given_by_hand_is_that_of_all_copies(page: Page, app: Server, library: Page) -> None:
    row(library, "a.safetensors").click()
    details(library, "a.safetensors")
    library.locator("#vaewb_library_title input").fill("My <b>favourite</b>")
    library.click("#vaewb_library_name_it")
    library.wait_for_selector("#vaewb_library_status :text('and its copies are called My <b>favourite</b>')")
    search(library, "favourite")
    assert set(names(library)) == {"a.safetensors", "a-half.safetensors"}
    library.locator("#vaewb_library_title input").fill("")
    library.click("#vaewb_library_name_it")
    library.wait_for_function("!document.querySelector('#vaewb_library_table .vaewb-row')")


def test_a_hash_is_computed_when_asked_for(library: Page) -> None:
    row(library, "b.safetensors").click()
    assert "sha256\n" not in details(library, "b.safetensors")
    library.click("#vaewb_library_hash_it")
    library.locator("#vaewb_library_details dt", has_text="sha256").wait_for()
    assert not library.locator("#vaewb_library_hash_it").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_check_foresees_an_overflow_and_draws_it(
    page: Page, app: Server, theme: str, screenshots: Path | None
) -> None:
    opened(page, app, "Library", f"/?__theme={theme}")
    row(page, "demo-overflows-in-fp16.safetensors").click()
    details(page, "demo-overflows-in-fp16.safetensors")
    page.click("#vaewb_library_check_it")
    page.wait_for_selector("#vaewb_library_status :text('was checked')")
    check = page.locator("#vaewb_library_checked .vaewb-check")
    assert "Its decoder overflows in fp16" in check.locator(".vaewb-warning").inner_text()
    bars = check.locator("li")
    over = check.locator(".vaewb-over")
    assert bars.count() > 20 and 0 < over.count() < bars.count()
    with page.expect_download() as download:
        check.locator(".vaewb-download").click()
    with Image.open(download.value.path()) as chart:
        assert chart.format == "PNG"
    if screenshots:
        check.scroll_into_view_if_needed()
        page.screenshot(path=screenshots / f"library-check-{theme}.png", full_page=True)
    row(page, "a.safetensors").click()
    details(page, "a.safetensors")
    assert check.count() == 0
    row(page, "demo-overflows-in-fp16.safetensors").click()
    check.wait_for()


def test_long_work_can_be_cancelled(library: Page) -> None:
    row(library, "huge.safetensors").click()
    details(library, "huge.safetensors")
    library.click("#vaewb_library_hash_it")
    library.wait_for_selector("#vaewb_library_status .vaewb-progress")
    library.wait_for_selector("#vaewb_library_scan[disabled]")
    library.click("#vaewb_library_cancel:not([disabled])")
    library.wait_for_selector("#vaewb_library_status :text('Cancelled')")
    assert library.locator("#vaewb_library_hash_it").is_enabled()


def test_a_deleted_file_goes(library: Page, models: Path) -> None:
    extra = models / "extra.safetensors"
    save_file(small_kl(6), extra)
    try:
        library.click("#vaewb_library_scan")
        row(library, extra.name).click()
        details(library, extra.name)
    finally:
        extra.unlink()
    library.click("#vaewb_library_scan")
    library.wait_for_selector("#vaewb_library_details :text('extra.safetensors is no longer there.')")
    assert row(library, extra.name).count() == 0


def test_checkpoints_tell_what_is_baked_in(page: Page, app: Server, screenshots: Path | None) -> None:
    opened(page, app, "Checkpoints")
    told = {name: row(page, name, "checkpoints").inner_html() for name in names(page, "checkpoints")}
    assert "SD1" in told["model-a.safetensors"] and "holds the same VAE as a.safetensors" in told["model-a.safetensors"]
    assert "SDXL" in told["model-without.safetensors"] and "holds no VAE" in told["model-without.safetensors"]
    assert "its VAE is damaged" in told["model-damaged.ckpt"] and "broken VAE" in told["model-damaged.ckpt"]
    assert "pickle" in told["model-damaged.ckpt"]
    row(page, "model-damaged.ckpt", "checkpoints").click()
    assert "for example decoder.conv_out.bias" in details(page, "model-damaged.ckpt", "checkpoints")
    if screenshots:
        page.screenshot(path=screenshots / "checkpoints.png", full_page=True)


@pytest.mark.parametrize("tab", ["Library", "Checkpoints"])
def test_buttons_keep_their_height_beside_a_long_message(page: Page, app: Server, tab: str) -> None:
    """Buttons grew with what a scan told: three lines made them 110 pixels high."""
    opened(page, app, tab)
    told = page.locator(f"#vaewb_{tab.lower()}_status").first
    told.evaluate("told => { told.style.height = '110px' }")
    button = page.locator(f"#vaewb_{tab.lower()}_scan").bounding_box()
    bar = told.bounding_box()
    assert bar is not None and button is not None
    assert bar["height"] >= 110 and button["height"] <= 50


@pytest.mark.parametrize("tab", ["Library", "Checkpoints"])
def test_the_pages_fit_a_narrow_screen(page: Page, app: Server, tab: str, screenshots: Path | None) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, app, tab, "/?__theme=dark")
    rows(page, tab.lower()).first.click()
    page.locator(f"#vaewb_{tab.lower()}_details header h2").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    view = page.locator(f"#vaewb_{tab.lower()}_table .vaewb-table-view")
    assert view.evaluate("view => view.scrollWidth <= view.clientWidth")
    if screenshots:
        page.screenshot(path=screenshots / f"{tab.lower()}-narrow-dark.png", full_page=True)


def test_ten_thousand_rows_make_few_elements(page: Page) -> None:
    """The script and what it makes elements with, on a page without gradio."""
    columns = [
        {"title": title, "kind": kind, "width": "1fr", "filter": False, "least": 0}
        for title, kind in (("Name", "text"), ("Size", "size"))
    ]
    data = [[f"file {n}", f"file {n}", n * 10**6] for n in range(10_000)]
    table = escape(json.dumps({"columns": columns, "rows": data, "height": 40, "by": 0}), quote=True)
    page.set_content(f"<div class='vaewb-files'><vaewb-table data-name='t' data-table='{table}'></vaewb-table></div>")
    page.add_style_tag(path=ROOT / "style.css")
    for part in ("_viewer_elements", "_table_cells", "_files", ""):
        page.add_script_tag(path=ROOT / "javascript" / f"vae_workbench{part}.js")
    view, shown = page.locator(".vaewb-table-view"), page.locator(".vaewb-row")
    assert 10 < shown.count() < 60
    assert shown.first.inner_text().startswith("file 0")
    view.evaluate("view => { view.scrollTop = view.scrollHeight; }")
    shown.locator("text=file 9999").wait_for()
    assert shown.count() < 60
    page.locator(".vaewb-search").fill("file 77")
    found = [f"file {n}" for n in range(10_000) if "77" in str(n)]
    assert page.inner_text(".vaewb-count") == f"{len(found)} / 10000 files"
    assert [shown.nth(n).get_attribute("data-key") for n in range(3)] == found[:3], "sorted by number"
