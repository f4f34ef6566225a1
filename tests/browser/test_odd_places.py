"""The app where names and folders are not as they should be."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import save_file

from tests.browser.app import serving_app
from tests.browser.compare_page import choose_only
from tests.identity.files import checkpoint, small_kl
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN = "caf\\xe9"
"""A name in Latin-1, as it is shown."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Server]:
    """With names that are not UTF-8, as an archive of another system unpacks them, or that would move the text around them."""
    own = tmp_path / "own"
    own.mkdir()
    for name, tensors in ((b"caf\xe9", small_kl(1)), (b"model\xff", checkpoint("sd1", small_kl(2)))):
        save_file(tensors, own / "new.safetensors")
        try:
            os.rename(os.fsencode(own / "new.safetensors"), os.fsencode(own) + b"/" + name + b".safetensors")  # noqa: PTH104
        except OSError:
            pytest.skip("this file system takes no such names")
    save_file(small_kl(3), own / "\u202egnp.safetensors")
    with serving_app(tmp_path, own) as server:
        yield server


def opened(page: Page, tab: str) -> None:
    page.locator("#vaewb_pages > .tab-nav button", has_text=tab).click()
    page.wait_for_selector(f"#vaewb_{tab.lower()}_table .vaewb-row")
    page.wait_for_selector(f"#vaewb_{tab.lower()}_cancel[disabled]")


def test_files_whose_names_are_not_utf8_are_listed_compared_and_chosen(page: Page, app: Server) -> None:
    """Every page answered 500, and the index was set aside as damaged."""
    page.goto(app.address)
    page.wait_for_selector("#vaewb_run")
    choose_only(page, SHOWN)
    page.click("#vaewb_run")
    page.wait_for_selector("#vaewb_status :text('Compared 1')")
    page.locator("#vaewb_results .vaewb-grid figcaption", has_text=SHOWN).wait_for()

    opened(page, "Library")
    shown = page.locator("#vaewb_library_table .vaewb-row").all_inner_texts()
    assert any(SHOWN in row for row in shown) and any("\\u202egnp" in row for row in shown)
    page.locator("#vaewb_library_table .vaewb-row", has_text=SHOWN).click()
    page.locator("#vaewb_library_details header h2", has_text=SHOWN).wait_for()
    page.locator("#vaewb_library_title input").fill("mine")
    page.click("#vaewb_library_name_it")
    page.wait_for_selector("#vaewb_library_status :text('are called mine.')")

    opened(page, "Checkpoints")
    page.locator("#vaewb_checkpoints_table .vaewb-row", has_text="model\\xff").click()
    page.locator("#vaewb_checkpoints_details header h2", has_text="model\\xff").wait_for()
    page.locator("#vaewb_preferences_vae input").click()
    page.locator("#vaewb_preferences_vae ul.options li", has_text=SHOWN).first.click()
    page.click("#vaewb_preferences_use")
    page.wait_for_selector("#vaewb_checkpoints_status :text('from now on.')")
    assert "Traceback" not in app.printed and "damaged" not in app.printed, app.printed


def test_a_home_that_cannot_be_written_to_is_told_and_the_app_works(page: Page, tmp_path: Path) -> None:
    """It ended with a traceback."""
    own = tmp_path / "own"
    own.mkdir()
    save_file(small_kl(1), own / "own.safetensors")
    (tmp_path / "home").write_bytes(b"")  # nothing can be below a file, not even for the root user
    with serving_app(tmp_path, own, data=tmp_path / "home" / "data") as app:
        (told,) = [line for line in app.printed.splitlines() if "home" in line]
        assert "cannot be written to" in told and "VAEWB_DATA" in told
        page.goto(app.address)
        page.wait_for_selector("#vaewb_run")
        opened(page, "Library")
        page.locator("#vaewb_library_table .vaewb-row", has_text="own.safetensors").click()
        page.locator("#vaewb_library_title input").fill("mine")
        page.click("#vaewb_library_name_it")
        page.wait_for_selector("#vaewb_library_status :text('are called mine.')")
        app.process.send_signal(signal.SIGINT)
        assert app.process.wait(20) == 0 and "Traceback" not in app.printed
    assert list(tmp_path.glob("vaewb-*")) == [], "nothing is left behind"
