"""The page "Checkpoints" where a person says which VAE each of them gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from tests.browser.app import serving_app
from tests.identity.files import checkpoint, small_kl
from tests.server_process import Server
from vae_workbench.choice.preference_store import store_in
from vae_workbench.identity.examine import examine
from vae_workbench.library.places import library_in

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
def stock(tmp_path: Path, models: Path) -> None:
    """A checkpoint whose VAE is called like a stock one; the real weights are too large to come along."""
    save_file(checkpoint("sd1", small_kl(50)), models / "stock.safetensors")
    sketch = examine(models / "stock.safetensors").sketch
    assert sketch is not None
    library_in(tmp_path / "data").entitle(sketch.id, "stable-diffusion-v1-5 vae")


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
    """Picks an entry of a list of VAEs by typing a part of its name."""
    page.locator(f"#{field} input").click()
    page.locator(f"#{field} input").fill(vae)
    page.locator(f"#{field} ul.options li", has_text=vae).first.click()


def told(page: Page, sentence: str) -> None:
    page.locator("#vaewb_checkpoints_status .vaewb-message", has_text=sentence).wait_for()
    rested(page)


def press(page: Page, button: str, sentence: str) -> None:
    page.click(f"#vaewb_{button}")
    told(page, sentence)


def mark(page: Page, *names: str) -> None:
    for name in names:
        row(page, name).locator(".vaewb-mark").click()


def wait_until_used(page: Page, name: str, *told: str) -> None:
    """Waits until the table tells this VAE and reason of a checkpoint: the sentence of what was done may be an older one."""
    cell = row(page, name).locator(".vaewb-cell").nth(2)
    for _ in range(100):
        lines = cell.inner_text().split("\n")
        if set(told) <= set(lines):
            return
        page.wait_for_timeout(200)
    assert lines == list(told)


def opened_details(page: Page, name: str) -> Locator:
    row(page, name).click()
    page.locator("#vaewb_checkpoints_details header h2", has_text=name).wait_for()
    return page.locator("#vaewb_checkpoints_details").last


def kept(tmp_path: Path) -> dict[str, object]:
    preferences = json.loads((tmp_path / "data" / "preferences.json").read_text(encoding="utf-8"))
    assert isinstance(preferences, dict)
    return preferences


def test_one_checkpoint_is_given_a_vae_and_it_is_taken_back(
    checkpoints: Page, models: Path, screenshots: Path | None
) -> None:
    page = checkpoints
    wait_until_used(page, "AOM3.safetensors", "its own", "nothing else is set")
    assert page.locator("#vaewb_preferences_undo").is_disabled()
    look(page, screenshots, "start")
    opened_details(page, "AOM3.safetensors")
    page.locator(".vaewb-whose", has_text="Set the VAE for AOM3.safetensors.").wait_for()
    choose(page, "vaewb_preferences_vae", "mse")
    press(page, "preferences_use", "AOM3 uses mse.safetensors from now on.")
    wait_until_used(page, "AOM3.safetensors", "mse.safetensors", "override for AOM3")
    wait_until_used(page, "anime.safetensors", "its own", "nothing else is set")
    taken = page.locator("#vaewb_checkpoints_details .vaewb-taken")
    assert taken.inner_text().split("\n") == ["override", "mse.safetensors It is used: override for AOM3."]
    assert json.loads((models / "AOM3.json").read_text())["vae"] == "mse.safetensors"
    look(page, screenshots, "set")
    press(page, "preferences_clear", "AOM3 has no override any more.")
    wait_until_used(page, "AOM3.safetensors", "its own", "nothing else is set")
    press(page, "preferences_undo", "The last change was taken back.")
    wait_until_used(page, "AOM3.safetensors", "mse.safetensors", "override for AOM3")
    press(page, "preferences_undo", "The last change was taken back.")
    wait_until_used(page, "AOM3.safetensors", "its own", "nothing else is set")
    page.wait_for_selector("#vaewb_preferences_undo[disabled]")


def test_the_field_shows_what_is_set(checkpoints: Page) -> None:
    """It was empty whatever was set, and stayed as it was when another checkpoint was looked at."""
    page = checkpoints
    shows = "value => document.querySelector('#vaewb_preferences_vae input').value === value"
    opened_details(page, "AOM3.safetensors")
    page.wait_for_function(shows, arg="not set")
    choose(page, "vaewb_preferences_vae", "mse")
    press(page, "preferences_use", "AOM3 uses mse.safetensors from now on.")
    opened_details(page, "anime.safetensors")
    page.wait_for_function(shows, arg="not set")
    opened_details(page, "AOM3.safetensors")
    page.wait_for_function(shows, arg="mse.safetensors")
    choose(page, "vaewb_preferences_vae", "not set")
    press(page, "preferences_use", "AOM3 has no override any more.")
    page.wait_for_function(shows, arg="not set")


def test_whoever_shows_what_is_in_use_is_told_and_the_page_listens(
    checkpoints: Page, tmp_path: Path, models: Path
) -> None:
    """The line in the top bar stayed wrong after Set, and the page after a change in the top bar."""
    page = checkpoints
    page.evaluate(
        "window.told = []; document.addEventListener('vaewb:changed', (event) => told.push(event.detail.kind)); 0"
    )
    opened_details(page, "AOM3.safetensors")
    choose(page, "vaewb_preferences_vae", "mse")
    press(page, "preferences_use", "AOM3 uses mse.safetensors from now on.")
    page.wait_for_function("told.join() === 'checkpoints'")
    store = store_in(tmp_path / "data")  # as another program, or the web UI's own pages, would do it
    store.change(lambda now: replace(now, overrides={}))
    page.evaluate("document.dispatchEvent(new CustomEvent('vaewb:active-changed')); 0")
    row(page, "AOM3.safetensors").locator("text=nothing else is set").wait_for()
    assert "AOM3 uses mse.safetensors from now on." in page.inner_text("#vaewb_checkpoints_status")


def test_copies_of_a_checkpoint_are_named_with_it(page: Page, app: Server, models: Path) -> None:
    """An override counts for all checkpoints of one content, which nobody was told."""
    (models / "AOM3 again.safetensors").write_bytes((models / "AOM3.safetensors").read_bytes())
    opened(page, app)
    opened_details(page, "AOM3.safetensors")
    choose(page, "vaewb_preferences_vae", "mse")
    press(page, "preferences_use", "This also counts for AOM3 again.safetensors, whose content is the same.")
    wait_until_used(page, "AOM3 again.safetensors", "mse.safetensors")
    press(page, "preferences_clear", "This also counts for AOM3 again.safetensors, whose content is the same.")
    wait_until_used(page, "AOM3 again.safetensors", "its own")


def test_files_that_are_no_checkpoints_can_be_looked_at(checkpoints: Page) -> None:
    page = checkpoints
    opened_details(page, "AOM3.safetensors").locator(".vaewb-link", has_text="orange.vae.safetensors").click()
    page.locator("#vaewb_checkpoints_details header h2", has_text="orange.vae.safetensors").wait_for()
    assert page.locator("#vaewb_checkpoints_details .vaewb-decision").count() == 0
    choose(page, "vaewb_preferences_vae", "mse")
    press(page, "preferences_use", "orange.vae.safetensors is not a checkpoint. Choose one in the table.")


def test_many_are_marked_by_hand_by_search_and_by_keyboard(checkpoints: Page, screenshots: Path | None) -> None:
    page = checkpoints
    whose = page.locator(".vaewb-whose")
    mark(page, "AOM3.safetensors", "anime.safetensors")
    whose.filter(has_text="2 marked checkpoints").wait_for()
    assert row(page, "AOM3.safetensors").locator("input").is_checked()
    choose(page, "vaewb_preferences_vae", OWN)
    look(page, screenshots, "marked")
    press(page, "preferences_use", "2 checkpoints use the checkpoint's own VAE from now on.")
    wait_until_used(page, "anime.safetensors", "its own", "override for anime")
    mark(page, "anime.safetensors")
    whose.filter(has_text="Set the VAE for AOM3.safetensors.").wait_for()
    mark(page, "AOM3.safetensors")
    page.locator("#vaewb_checkpoints_table .vaewb-search").fill("a")
    page.locator("#vaewb_checkpoints_table .vaewb-mark-all input").check()
    shown = page.locator("#vaewb_checkpoints_table .vaewb-row").count()
    whose.filter(has_text=f"{shown} marked checkpoints").wait_for()
    page.locator("#vaewb_checkpoints_table .vaewb-mark-all input").uncheck()
    whose.filter(has_text="Choose a checkpoint in the table").wait_for()
    page.locator("#vaewb_checkpoints_table .vaewb-table-view").focus()
    for key in ("Home", "Space", "ArrowDown", "Space"):
        page.keyboard.press(key)
    whose.filter(has_text="2 marked checkpoints").wait_for()
    rows = page.locator("#vaewb_checkpoints_table .vaewb-row")
    rows.nth(0).locator(".vaewb-mark").click()
    rows.nth(shown - 1).locator(".vaewb-mark").click(modifiers=["Shift"])
    whose.filter(has_text=f"{shown} marked checkpoints").wait_for()


def test_a_likely_mismatch_is_asked_about(checkpoints: Page, screenshots: Path | None) -> None:
    page = checkpoints
    opened_details(page, "AOM3.safetensors")
    choose(page, "vaewb_preferences_vae", "sdxl-perhaps")
    press(page, "preferences_use", "it is probably for SDXL, and AOM3 is for SD1 and SD2.")
    wait_until_used(page, "AOM3.safetensors", "its own", "nothing else is set")
    look(page, screenshots, "asked")
    page.locator("#vaewb_checkpoints_status button", has_text="Use it all the same").click()
    told(page, "AOM3 uses sdxl-perhaps.safetensors from now on.")
    wait_until_used(page, "AOM3.safetensors", "sdxl-perhaps.safetensors", "override for AOM3")
    assert "see why" in row(page, "AOM3.safetensors").inner_text()


def test_what_cannot_be_is_said_in_a_sentence(checkpoints: Page) -> None:
    page = checkpoints
    press(page, "preferences_use", "No VAE is chosen. Choose one of the list.")
    choose(page, "vaewb_preferences_vae", "for-xl")
    press(page, "preferences_use", "No checkpoint is chosen. Choose one in the table, or mark several.")
    opened_details(page, "AOM3.safetensors")
    choose(page, "vaewb_preferences_vae", "for-xl")
    press(page, "preferences_use", "for-xl.safetensors does not fit: it is for SDXL, and AOM3 is for SD1 and SD2.")
    opened_details(page, "bare.safetensors")
    choose(page, "vaewb_preferences_vae", OWN)
    press(page, "preferences_use", "The checkpoint's own VAE cannot be used: bare holds no VAE. Choose a file.")
    page.locator("#vaewb_rules .label-wrap").click()
    choose(page, "vaewb_rules_vae", "mse")
    press(page, "rules_add", "is no pattern of names.")


def test_rules_decide_by_name_and_their_order_counts(checkpoints: Page, screenshots: Path | None) -> None:
    page = checkpoints
    page.locator("#vaewb_rules .label-wrap").click()
    page.locator("#vaewb_rules_pattern input").fill("a*")
    choose(page, "vaewb_rules_vae", "mse")
    press(page, "rules_add", "The rule for a* fits 2 checkpoints.")
    page.locator("#vaewb_rules_pattern input").fill("AOM3")
    choose(page, "vaewb_rules_vae", "onerror")
    page.locator("#vaewb_rules_pattern input").press("Enter")
    told(page, "The rule for AOM3 fits 1 checkpoint. For 1 of them something else comes first: rule for a*.")
    wait_until_used(page, "AOM3.safetensors", "mse.safetensors", "rule for a*")
    page.get_by_label("Ask AOM3 sooner").click()
    told(page, "The rules are asked from top to bottom")
    wait_until_used(page, "AOM3.safetensors", EVIL, "rule for AOM3")
    assert page.locator("#vaewb_checkpoints img[src=x]").count() == 0
    page.locator("#vaewb_defaults .label-wrap").click()
    look(page, screenshots, "rules")
    page.get_by_label("Remove AOM3").click()
    told(page, "There is no rule for AOM3 any more.")
    wait_until_used(page, "AOM3.safetensors", "mse.safetensors", "rule for a*")


def test_defaults_are_those_of_the_families_that_are_there(checkpoints: Page) -> None:
    page = checkpoints
    page.locator("#vaewb_defaults .label-wrap").click()
    assert page.locator("#vaewb_default_sdxl").is_visible() and not page.locator("#vaewb_default_sd3").is_visible()
    page.locator("#vaewb_default_sdxl input").click()
    offered = page.locator("#vaewb_default_sdxl ul.options li").all_inner_texts()
    assert any("for-xl" in name for name in offered) and not any("orange" in name for name in offered)
    page.locator("#vaewb_default_sdxl ul.options li", has_text="for-xl").click()
    told(page, "Default for SDXL: for-xl.safetensors.")
    wait_until_used(page, "xl.safetensors", "for-xl.safetensors", "default for SDXL")
    press(page, "preferences_undo", "The last change was taken back.")
    assert page.locator("#vaewb_default_sdxl input").input_value() == "no default"


def test_preferences_are_exported_and_imported(checkpoints: Page, tmp_path: Path) -> None:
    page = checkpoints
    opened_details(page, "AOM3.safetensors")
    choose(page, "vaewb_preferences_vae", "mse")
    press(page, "preferences_use", "AOM3 uses mse.safetensors from now on.")
    page.locator("#vaewb_exchange .label-wrap").click()
    press(page, "export", "Everything that is set here is in vae-preferences.json.")
    with page.expect_download() as download:
        page.locator("#vaewb_exported a[download]").first.click()
    exported = tmp_path / "exported.json"
    download.value.save_as(exported)
    press(page, "preferences_undo", "The last change was taken back.")
    assert kept(tmp_path)["overrides"] == {}
    with page.expect_file_chooser() as chooser:
        page.click("#vaewb_import")
    chooser.value.set_files(exported)
    told(page, "Imported. There are 1 override, 0 rules, 0 defaults now.")
    wait_until_used(page, "AOM3.safetensors", "mse.safetensors", "override for AOM3")


@pytest.mark.usefixtures("stock")
def test_a_hint_is_followed_or_dismissed(page: Page, app: Server, screenshots: Path | None) -> None:
    opened(page, app)
    hint = opened_details(page, "stock.safetensors").locator(".vaewb-hint")
    assert "stock uses a stock VAE" in hint.inner_text()
    look(page, screenshots, "hint")
    hint.locator("button", has_text="Dismiss").click()
    told(page, "There will be no hint for stock any more.")
    assert hint.count() == 0
    press(page, "preferences_undo", "The last change was taken back.")
    hint.locator("button", has_text="Use it").click()
    told(page, "stock uses")
    wait_until_used(page, "stock.safetensors", "override for stock")


@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_dark_and_narrow_screens(page: Page, app: Server, width: int, screenshots: Path | None) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    opened(page, app, "/?__theme=dark")
    opened_details(page, "bare.safetensors")
    look(page, screenshots, f"dark-{width}-details")
    page.keyboard.press("Escape")
    mark(page, "AOM3.safetensors")
    open_panel = page.locator("#vaewb_checkpoints_table").get_by_text("Set the VAE", exact=True)
    if width <= 1000:  # wider, the panel is beside the table
        open_panel.click()
    page.locator(".vaewb-whose", has_text="Set the VAE for AOM3.safetensors.").wait_for()
    page.keyboard.press("Escape")
    page.locator("#vaewb_rules .label-wrap").click()
    page.locator("#vaewb_defaults .label-wrap").click()
    look(page, screenshots, f"dark-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
