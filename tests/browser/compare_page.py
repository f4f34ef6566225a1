"""The page "Compare" as a person uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILES = "vaewb-sources input[type=file][multiple]:not([webkitdirectory])"
CHIPS = "vaewb-sources .vaewb-chip"


def choose_only(page: Page, *names: str) -> None:
    """Chooses these VAEs, by a part of their names, and no others; also those that do not fit the checkpoint in use."""
    page.click("vaewb-picker .vaewb-none")
    for name in names:
        page.evaluate("for (const apart of document.querySelectorAll('vaewb-picker details')) apart.open = true")
        page.locator("vaewb-picker label.vaewb-picker-row", has_text=name).first.locator("input").check()


def choose_no_source(page: Page) -> None:
    while page.locator(CHIPS).count():
        page.locator(f"{CHIPS} .vaewb-remove").first.click()


def add_files(page: Page, *paths: Path) -> None:
    """Adds pictures and waits until they have arrived."""
    there = page.locator(f"{CHIPS}:not(:has(.vaewb-coming))").count()
    page.set_input_files(FILES, list(paths))
    page.locator(f"{CHIPS}:not(:has(.vaewb-coming)) >> nth={there + len(paths) - 1}").wait_for()


def wait_for_chips(page: Page, names: list[str]) -> None:
    """Waits until these pictures are the ones that are chosen; those that arrive together are drawn a moment later."""
    shown = f"[...document.querySelectorAll('{CHIPS} .vaewb-chip-name')].map(it => it.innerText)"
    page.wait_for_function(f"names => JSON.stringify({shown}) === JSON.stringify(names)", arg=names)


def shrink(page: Page, pixels: int) -> None:
    """Has pictures be no larger than this."""
    field = page.locator("#vaewb_side input[type=number]")
    if not field.is_visible():
        page.locator("#vaewb_compare_options .label-wrap").click()
    field.fill(str(pixels))
    field.press("Enter")


def run(page: Page) -> None:
    """Compares, and waits until all is shown."""
    ended = "document.querySelector('#vaewb_status [data-vaewb-ended][data-vaewb-kind=compare]')?.dataset.vaewbEnded"
    before = page.evaluate(ended)
    page.click("#vaewb_run")
    page.wait_for_function(f"before => ({ended} ?? before) !== before", arg=before)
    page.wait_for_selector("#vaewb_status :text('Compared')")
    page.wait_for_selector("#vaewb_run:not([disabled])")
    page.wait_for_function("document.querySelector('#vaewb_results vaewb-viewer').dataset.complete === 'yes'")


def names_shown(page: Page) -> list[str]:
    """What stands below the pictures of the grid."""
    return page.locator("#vaewb_results .vaewb-grid figcaption strong").all_inner_texts()
