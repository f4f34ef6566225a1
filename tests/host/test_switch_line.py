"""The line beside the selector, and the routes, in the real web UI with its tiny checkpoints."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.accessibility import violations
from tests.host.conftest import WebUI
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("webui")
BASE = "/vae-workbench/v1"


@pytest.fixture(scope="module")
def server(webui: WebUI) -> Iterator[Server]:
    if not (webui.root / "models" / "Stable-diffusion" / "tiny.safetensors").exists():
        pytest.skip("this web UI lacks the tiny checkpoints")
    with webui.serve("--ckpt", str(webui.root / "models" / "Stable-diffusion" / "tiny.safetensors")) as server:
        yield server


def ask(server: Server, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def picture(server: Server, **overrides: object) -> tuple[int, Any]:
    body = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "override_settings": overrides}
    return ask(server, "/sdapi/v1/txt2img", body)


def test_routes(server: Server) -> None:
    status, told = ask(server, f"{BASE}/switch", {"vae": "vae-a.safetensors"})
    assert status == 200 and told["vae"] == "vae-a.safetensors" and told["checkpoint"] == "tiny.safetensors"
    status, told = ask(server, f"{BASE}/switch", {"vae": "bad-wrongarch.safetensors"})
    assert status == 409 and "bad-wrongarch.safetensors" in told["detail"]
    assert ask(server, f"{BASE}/switch", {"vae": "no such"})[0] == 422
    assert ask(server, f"{BASE}/active")[1]["vae"] == "vae-a.safetensors"


def test_override_settings(server: Server) -> None:
    ask(server, f"{BASE}/switch", {"vae": "Automatic"})
    status, told = picture(server, sd_vae="vae-b.safetensors")
    assert status == 200 and "VAE: vae-b.safetensors" in told["info"]
    status, told = picture(server, sd_vae="no such.pt")
    assert status == 422 and "no such.pt" in told["detail"]
    assert "Baked VAE" in picture(server)[1]["info"]


def test_the_line_tells_what_is_in_use(page: Page, server: Server, screenshots: Path | None) -> None:
    ask(server, f"{BASE}/switch", {"vae": "Automatic"})
    page.goto(server.address)
    line = page.locator("#vaewb_active .vaewb-active")
    line.wait_for()
    choose(page, "vae-a.safetensors")
    page.wait_for_function("document.querySelector('#vaewb_active')?.innerText.includes('vae-a.safetensors — chosen')")
    choose(page, "bad-wrongarch.safetensors")
    page.wait_for_selector("#vaewb_active .vaewb-active-amber")
    assert "vae-a.safetensors" in line.inner_text() and "bad-wrongarch" in page.inner_text(".vaewb-active-amber")
    assert page.input_value("#setting_sd_vae input") == "vae-a.safetensors"
    assert page.locator("#vaewb_active >> text=Use it all the same").count() == 0, "no confirmation can make it fit"
    if screenshots:
        page.screenshot(path=screenshots / "webui-active.png", clip={"x": 0, "y": 0, "width": 1400, "height": 300})
    choose(page, "None")
    page.wait_for_function("document.querySelector('#vaewb_active')?.innerText.startsWith('baked')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_line_stands_beside_the_selector_and_pushes_nothing(page: Page, server: Server, theme: str) -> None:
    ask(server, f"{BASE}/switch", {"vae": "Automatic"})
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{server.address}/?__theme={theme}")
    page.wait_for_function("document.querySelector('#vaewb_active')?.innerText.startsWith('baked')")
    edges = "selector => (({top, bottom}) => [top, bottom])(document.querySelector(selector).getBoundingClientRect())"
    tabs = page.evaluate(edges, "#tabs")
    line, field = page.evaluate(edges, "button.vaewb-active"), page.evaluate(edges, "#setting_sd_vae")
    assert abs(line[1] - field[1]) <= 2 and line[0] > field[0], "level with the field"
    choose(page, "bad-wrongarch.safetensors")
    page.wait_for_selector("#vaewb_active .vaewb-active-amber")
    assert page.evaluate(edges, "#tabs") == tabs
    button = page.locator("button.vaewb-active")
    button.click()
    page.locator("#vaewb_active_panel").wait_for()
    assert page.evaluate(edges, "#tabs") == tabs
    assert violations(page, "#vaewb_active_box") == []
    page.keyboard.press("Escape")
    page.locator("#vaewb_active_panel").wait_for(state="hidden")
    assert button.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    page.locator("#vaewb_active_panel button", has_text="Use").first.wait_for()
    page.locator("#tabs").click(position={"x": 5, "y": 400})
    page.locator("#vaewb_active_panel").wait_for(state="hidden")


def test_another_vae_is_used_from_the_panel(page: Page, server: Server) -> None:
    ask(server, f"{BASE}/switch", {"vae": "Automatic"})
    page.goto(server.address)
    page.locator("button.vaewb-active").click()
    page.locator("#vaewb_active_panel [aria-label='Use vae-a.safetensors']").click()
    page.wait_for_function(
        "document.querySelector('.vaewb-active-now')?.innerText.startsWith('vae-a.safetensors — chosen')"
    )
    page.wait_for_function("document.querySelector('#setting_sd_vae input').value === 'vae-a.safetensors'")
    page.locator("#vaewb_active_panel").get_by_text("Back to Automatic").click()
    page.wait_for_function("document.querySelector('.vaewb-active-now')?.innerText.startsWith('baked')")
    page.locator("#vaewb_active_panel").get_by_text("Compare these").click()
    page.wait_for_selector("#vaewb_compare .vaewb-chip >> text=vae-a.safetensors")


def test_every_open_page_is_told(page: Page, server: Server) -> None:
    """The line stayed wrong until a tab was changed, and in another browser for ever."""
    ask(server, f"{BASE}/switch", {"vae": "Automatic"})
    assert page.context.browser
    other = page.context.browser.new_context().new_page()
    for one in (page, other):
        one.goto(server.address)
        one.wait_for_function("document.querySelector('#vaewb_active')?.innerText.startsWith('baked')")
        one.evaluate("document.addEventListener('vaewb:active-changed', () => { window.vaewbHeard = true; })")
    ask(server, f"{BASE}/switch", {"vae": "vae-b.safetensors"})
    for one in (page, other):
        one.wait_for_function(
            "document.querySelector('#vaewb_active').innerText.includes('vae-b.safetensors — chosen')"
        )
        one.wait_for_function("document.querySelector('#setting_sd_vae input').value === 'vae-b.safetensors'")
        assert one.evaluate("window.vaewbHeard")
    choose(other, "vae-a.safetensors")
    page.wait_for_function("document.querySelector('#vaewb_active').innerText.includes('vae-a.safetensors — chosen')")
    page.wait_for_function("document.querySelector('#setting_sd_vae input').value === 'vae-a.safetensors'")
    assert ask(server, f"{BASE}/active")[1]["setting"] == "vae-a.safetensors"
    other.context.close()


def test_refusals_say_where_the_vae_was_asked_for(server: Server) -> None:
    status, told = picture(server, sd_vae="bad-wrongarch.safetensors")
    assert status == 422 and "override_settings asks for bad-wrongarch.safetensors" in told["detail"]
    status, told = ask(server, "/sdapi/v1/options", {"sd_vae": "bad-wrongarch.safetensors"})
    assert status == 409 and "bad-wrongarch.safetensors" in told["detail"]
    assert ask(server, "/sdapi/v1/options", {"sd_vae": "automatic"}) == (200, None)
    axes = [vae_axis(server), "", ["vae-a", "no such"], 0, "", [], 0, "", []]
    plot = [*axes, False, True, False, True, False, False, False, 0, False]
    status, told = ask(server, "/sdapi/v1/txt2img", {"script_name": "x/y/z plot", "script_args": plot})
    assert status == 422 and "There is no VAE 'no such'" in told["detail"]
    assert "override_settings asks for" in server.printed, "a line in the console"
    assert "UnusableOverride" not in server.printed and "UnusableAxis" not in server.printed, "and no traceback"


def vae_axis(server: Server) -> int:
    """Its number among the axes of the web UI's X/Y/Z plot."""
    scripts = ask(server, "/sdapi/v1/script-info")[1]
    plot = next(script for script in scripts if script["name"] == "x/y/z plot" and not script["is_img2img"])
    return int(plot["args"][0]["choices"].index("VAE"))


def test_the_list_tells_what_its_entries_mean(page: Page, server: Server, screenshots: Path | None) -> None:
    ask(server, f"{BASE}/switch", {"vae": "Automatic"})
    page.goto(server.address)
    page.locator("#vaewb_active [data-entries]").wait_for()
    page.locator("#setting_sd_vae input").click()
    page.locator("#setting_sd_vae li[data-vaewb-means]").first.wait_for()
    entries = page.locator("#setting_sd_vae li[data-value]")
    told = entries.evaluate_all("entries => entries.map(entry => [entry.dataset.value, entry.dataset.vaewbMeans])")
    assert dict(told) | {
        "Automatic": "→ baked",
        "None": "→ baked",
        "bad-corrupt.safetensors": "cannot be used",
        "bad-wrongarch.safetensors": "does not fit",
        "vae-a.safetensors": "",
    } == dict(told)
    if screenshots:
        page.screenshot(path=screenshots / "webui-entries.png", clip={"x": 0, "y": 0, "width": 1000, "height": 560})
    entries.filter(has_text="vae-a.safetensors").click()
    page.wait_for_function("document.querySelector('#vaewb_active')?.innerText.includes('vae-a.safetensors — chosen')")
    assert page.input_value("#setting_sd_vae input") == "vae-a.safetensors", "the value is the web UI's own"


def choose(page: Page, name: str) -> None:
    page.locator("#setting_sd_vae input").click()
    page.locator("#setting_sd_vae ul.options li", has_text=name).first.click()
