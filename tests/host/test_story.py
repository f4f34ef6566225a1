"""How a person finds a VAE in the real web UI: generate, compare on that latent, choose blindly, use the winner, generate."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.browser.compare_page import choose_no_source, choose_only, run
from tests.host.conftest import WebUI, data_folder
from tests.host.test_real_webui import open_tab
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("webui")
VIEWER = "document.querySelector('#vaewb_results vaewb-viewer')"
GALLERY = "document.querySelector('#txt2img_gallery img')?.src ?? ''"
Pixels = npt.NDArray[np.int_]
WANTED = "vae-b.safetensors"


@pytest.fixture(scope="module")
def server(webui: WebUI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a data folder of its own, since what a person wants is remembered there, for all copies of the checkpoint."""
    models = webui.root / "models"
    if not (models / "Stable-diffusion" / "tiny.safetensors").exists():
        pytest.skip("this web UI lacks the tiny checkpoints")
    data = data_folder(webui.root, tmp_path_factory.mktemp("data"))
    with webui.serve("--data-dir", str(data), "--vae-dir", str(models / "VAE")) as server:
        yield server


def pixels(server: Server, address: str) -> Pixels:
    url = address if address.startswith("http") else f"{server.address}/{address.removeprefix('./')}"
    with urllib.request.urlopen(url) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"), int)


def generate(page: Page, server: Server) -> Pixels:
    page.locator("#tabs > .tab-nav button", has_text="txt2img").click()
    page.fill("#txt2img_prompt textarea", "a cat")
    for name, value in (("width", "128"), ("height", "128"), ("steps", "2"), ("seed", "7")):
        field = page.locator(f"#txt2img_{name} input").first
        field.fill(value)
        field.press("Tab")
    before = page.evaluate(GALLERY)
    page.click("#txt2img_generate")
    page.wait_for_function(
        f"before => {{ const now = {GALLERY}; return now !== before && now.includes('/file='); }}",
        arg=before,
        timeout=120_000,
    )
    return pixels(server, page.evaluate(GALLERY))


def cells(page: Page, server: Server) -> dict[str, Pixels]:
    """The cells of the first source by the names of their VAEs, with the source itself under an empty name."""
    told = page.evaluate(
        f"(() => {{ const {{sources: [source], vaes, cells}} = {VIEWER}.comparison;"
        "const named = vaes.map(({id, name}) => [name, cells.find(({source: s, vae}) => s === source.id && vae === id).image]);"
        "return Object.fromEntries([['', source.image], ...named]); })()"
    )
    return {name: pixels(server, address) for name, address in told.items()}


def compare_the_newest(page: Page, server: Server) -> dict[str, Pixels]:
    page.locator("#tabs > .tab-nav button", has_text="VAE").click()
    choose_no_source(page)
    page.locator(".vaewb-generations button").first.click()
    choose_only(page, "vae-a.safetensors", WANTED, "newtorch-c.pt", "vae-d.ckpt")
    run(page)
    return cells(page, server)


def choose_blindly(page: Page) -> None:
    """By what lies behind the pictures, as a person with a taste would."""
    page.locator("#vaewb_results [data-mode=blind]").click()
    vae = page.evaluate(f"{VIEWER}.comparison.vaes.find(vae => vae.name === '{WANTED}').id")
    for _ in range(40):
        if page.locator("#vaewb_results .vaewb-ranking").count():
            return
        sides = page.eval_on_selector_all("#vaewb_results .vaewb-side img", "all => all.map(it => it.src)")
        page.locator("#vaewb_results .vaewb-pick").nth(1 if vae in sides[1] else 0).click()
    pytest.fail("there was no end to the questions")


def test_the_picture_of_the_winner_is_the_cell(page: Page, server: Server) -> None:
    open_tab(page, server)
    first = generate(page, server)
    compared = compare_the_newest(page, server)
    assert np.array_equal(compared[""], first), "the source is the picture that the web UI made"
    choose_blindly(page)
    assert page.locator("#vaewb_results .vaewb-winner strong").inner_text().startswith("vae-b")
    page.locator("#vaewb_results .vaewb-act", has_text="Use for this checkpoint").click()
    page.wait_for_selector(f"#vaewb_status :text('{WANTED} from now on')")
    page.wait_for_function(f"document.querySelector('#vaewb_active')?.innerText.startsWith('{WANTED}')")
    second = generate(page, server)
    assert np.array_equal(second, compared[WANTED]) and not np.array_equal(second, first)
    again = compare_the_newest(page, server)
    assert np.array_equal(again[WANTED], second), "the cell of the VAE in use is the web UI's own picture"
