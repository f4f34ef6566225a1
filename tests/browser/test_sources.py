"""Pictures on their way from a person to the page "Compare"."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from PIL import Image

from tests.browser.accessibility import violations
from tests.browser.app import serving_app
from tests.browser.compare_page import (
    CHIPS,
    FILES,
    add_files,
    choose_no_source,
    choose_only,
    names_shown,
    run,
    shrink,
    wait_for_chips,
)
from tests.server_process import Server
from vae_workbench.ui.compare.uploads import LARGEST

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

TRANSFER = """(place, [kind, name, data]) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type: "image/png"}));
    const given = {bubbles: true, cancelable: true};
    place.dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, {...given, clipboardData: transfer})
        : new DragEvent(kind, {...given, dataTransfer: transfer}));
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "own").mkdir()
    with serving_app(folder, folder / "own") as server:
        yield server


@pytest.fixture
def empty(page: Page, app: Server) -> Page:
    """The page with one VAE chosen, a small size, and no picture."""
    page.goto(app.address)
    page.wait_for_selector("#vaewb_run")
    choose_only(page, "demo-pale")
    choose_no_source(page)
    shrink(page, 128)
    return page


def picture(path: Path, colour: str = "teal") -> Path:
    Image.new("RGB", (96, 64), colour).save(path)
    return path


def test_a_picture_of_more_than_a_message_may_hold(empty: Page, app: Server, tmp_path: Path) -> None:
    """It went as text inside a message to a websocket, which takes 16 MB; the page then looked as if nothing had happened."""
    noise = torch.randint(0, 256, (2400, 2800, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    Image.fromarray(noise.numpy()).save(tmp_path / "noise.png", compress_level=0)
    assert (tmp_path / "noise.png").stat().st_size > 16 << 20
    add_files(empty, tmp_path / "noise.png")
    run(empty)
    assert "at 128×110" in empty.inner_text("#vaewb_status")
    assert not list((app.log.parent / "gradio").glob("*/vaewb-picture")), "what was uploaded is removed"


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_can_be_dropped_and_pasted_anywhere_on_the_page(empty: Page, tmp_path: Path, kind: str) -> None:
    data = base64.b64encode(picture(tmp_path / "p.png").read_bytes()).decode()
    empty.locator("#vaewb_results vaewb-viewer").evaluate(TRANSFER, [kind, "p.png", data])
    empty.wait_for_selector(f"{CHIPS} img")
    assert empty.inner_text(f"{CHIPS} .vaewb-chip-name") == "p.png"


def test_several_are_compared_and_shown_again_after_f5_and_one_removed_goes(empty: Page, tmp_path: Path) -> None:
    add_files(empty, picture(tmp_path / "a.png", "teal"), picture(tmp_path / "b.png", "navy"))
    add_files(empty, picture(tmp_path / "c.png", "olive"))
    empty.click("vaewb-sources [data-source=night]")
    run(empty)
    assert "on 4 pictures" in empty.inner_text("#vaewb_status")
    empty.reload()
    empty.wait_for_selector("#vaewb_results .vaewb-grid .vaewb-pane >> nth=7")
    wait_for_chips(empty, ["a.png", "b.png", "c.png", "night"])
    empty.click("[aria-label='Remove b.png']")
    run(empty)
    told = empty.evaluate("document.querySelector('vaewb-viewer').comparison.sources.map(source => source.name)")
    assert told == ["a.png", "c.png", "night"]


def test_the_same_content_is_taken_once_and_what_is_no_picture_is_said(empty: Page, tmp_path: Path) -> None:
    add_files(empty, picture(tmp_path / "a.png"))
    picture(tmp_path / "copy.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "notes.txt").write_text("no picture")
    empty.set_input_files(FILES, [tmp_path / "copy.png", tmp_path / "text.png", tmp_path / "notes.txt"])
    empty.wait_for_selector("vaewb-sources .vaewb-error:has-text('notes.txt')")
    empty.wait_for_selector("vaewb-sources .vaewb-error:has-text('text.png is not a picture')")
    wait_for_chips(empty, ["a.png"])


def test_a_file_that_is_too_large_is_refused_in_a_sentence(empty: Page, tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        os.truncate(file.fileno(), LARGEST + 1)
    empty.set_input_files(FILES, tmp_path / "large.png")
    empty.wait_for_selector("vaewb-sources .vaewb-error:has-text('larger than 200 MB')")
    wait_for_chips(empty, [])
    empty.click("#vaewb_run")
    empty.wait_for_selector("#vaewb_status :text('There is no picture yet')")


def test_pictures_that_other_pages_send_are_added(empty: Page) -> None:
    empty.locator("#vaewb_pages > .tab-nav button", has_text="Library").click()
    send = "document.dispatchEvent(new CustomEvent('vaewb:add-source', {detail: {url: './vae-workbench/built-in/skin.jpg'}}))"
    empty.evaluate(send)
    empty.wait_for_selector(f"{CHIPS} img")
    assert empty.inner_text(f"{CHIPS} .vaewb-chip-name") == "skin.jpg"


def test_what_was_chosen_since_asks_for_compare(empty: Page, tmp_path: Path) -> None:
    """Nothing said that a picture which was added still waits for a click."""
    due, none = "#vaewb_due:text('for what you chose now')", "document.querySelector('#vaewb_due')?.textContent === ''"
    add_files(empty, picture(tmp_path / "first.png"))
    run(empty)
    empty.wait_for_function(none)
    add_files(empty, picture(tmp_path / "second.png", "coral"))
    empty.wait_for_selector(due)
    run(empty)
    empty.wait_for_function(none)
    choose_only(empty, "demo-pale", "demo-vivid")
    empty.wait_for_selector(due)
    choose_only(empty, "demo-pale")
    empty.wait_for_function(none)
    empty.reload()
    wait_for_chips(empty, ["first.png", "second.png"])
    empty.wait_for_function(none)


def test_a_comparison_from_before_is_opened_again(empty: Page, tmp_path: Path) -> None:
    add_files(empty, picture(tmp_path / "first.png"))
    run(empty)
    empty.click("#vaewb_links button:has-text('New comparison')")
    empty.wait_for_selector("#vaewb_links :text('The VAEs are still chosen')")
    choose_no_source(empty)
    add_files(empty, picture(tmp_path / "second.png", "navy"))
    choose_only(empty, "demo-vivid")
    run(empty)
    assert names_shown(empty)[1:] == ["demo-vivid.safetensors"]
    empty.locator("#vaewb_kept").select_option(index=1)
    empty.wait_for_function("document.querySelector('vaewb-viewer').comparison.sources[0]?.name === 'first.png'")
    assert empty.inner_text(f"{CHIPS} .vaewb-chip-name") == "first.png"
    assert empty.inner_text("vaewb-picker .vaewb-chip-name") == "demo-pale.safetensors"


def test_an_answer_from_before_the_end_is_not_taken_for_it(empty: Page, tmp_path: Path) -> None:
    """Asked for before there was anything and answered after all was done: the results never appeared."""
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    empty.route("**/comparison.json", hold_the_first)
    add_files(empty, picture(tmp_path / "first.png"))
    while not held:
        empty.wait_for_timeout(50)
    empty.evaluate("document.addEventListener('vaewb:changed', () => (window.hasEnded = true))")
    empty.click("#vaewb_run")
    empty.wait_for_selector("#vaewb_status :text('Compared')")
    empty.wait_for_function("window.hasEnded")
    held[0].fulfill(status=404)
    empty.wait_for_function("document.querySelector('vaewb-viewer').comparison.sources[0]?.name === 'first.png'")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_wrong_on_the_page(page: Page, app: Server, theme: str) -> None:
    page.goto(f"{app.address}?__theme={theme}")
    # gradio dims what waits for an answer: all is known then, and nothing is dimmed any more
    known = "document.querySelector('vaewb-picker')?.given.rows.every(row => !row.unknown)"
    page.wait_for_function(f"{known} && !document.querySelector('#vaewb_page_compare .pending')")
    page.wait_for_timeout(500)  # it fades
    assert violations(page, "#vaewb_page_compare") == []


def test_pasted_pictures_are_told_apart(empty: Page, tmp_path: Path) -> None:
    """Browsers call all that is pasted "image.png"."""
    for number, colour in enumerate(("teal", "navy"), 1):
        data = base64.b64encode(picture(tmp_path / "p.png", colour).read_bytes()).decode()
        empty.locator("vaewb-sources").evaluate(TRANSFER, ["paste", "image.png", data])
        empty.wait_for_selector(f"{CHIPS}:not(:has(.vaewb-coming)) >> nth={number - 1}")
    wait_for_chips(empty, ["pasted 1.png", "pasted 2.png"])


def test_what_was_looked_at_outlives_f5(empty: Page, tmp_path: Path) -> None:
    """The viewer began with the grid again, at the whole picture, and forgot the rounds of a blind choice."""
    add_files(empty, picture(tmp_path / "p.png"))
    choose_only(empty, "demo-pale", "demo-vivid")
    run(empty)
    viewpoint = """() => {
        const {view, state, game} = document.querySelector("#vaewb_results vaewb-viewer").viewpoint;
        return [view.zoom, state.mode, state.b, game?.choices.length];
    }"""
    empty.click("vaewb-viewer [data-mode=blind]")
    empty.click("vaewb-viewer .vaewb-tie")
    empty.click("vaewb-viewer [data-mode=ab]")
    empty.click("vaewb-viewer .vaewb-choice[data-vae='1']")
    empty.wait_for_selector("vaewb-viewer .vaewb-zooms:not([disabled])")
    empty.click("vaewb-viewer .vaewb-zooms:has-text('+')")
    before = empty.evaluate(viewpoint)
    assert before == [1.5, "ab", 1, 1]
    empty.reload()
    empty.wait_for_selector("vaewb-viewer .vaewb-pane.vaewb-ab")
    assert empty.evaluate(viewpoint) == before
