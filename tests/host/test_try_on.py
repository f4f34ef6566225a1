"""What the workshop makes, tried on in the real web UI: seen in pictures before there is a file, and taken off again."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.host.conftest import WebUI, data_folder
from tests.host.test_real_webui import open_tab
from tests.server_process import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("webui")
PICTURE = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, "seed": 1, "sampler_name": "Euler"}
RECIPE = {"source": "tiny", "steps": [{"extract": {}}, {"tone": {"brightness": 0.2, "saturation": 1.5}}]}
NAME = "tiny + extract + tone"
LINE = "document.querySelector('#vaewb_active')?.innerText ?? ''"


@pytest.fixture(scope="module")
def server(webui: WebUI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not (webui.root / "models" / "Stable-diffusion" / "tiny.safetensors").exists():
        pytest.skip("this web UI lacks the tiny checkpoints")
    data = data_folder(webui.root, tmp_path_factory.mktemp("data"), checkpoints=("tiny", "tiny2"))
    (data / "models" / "VAE").mkdir()
    with webui.serve("--data-dir", str(data)) as server:
        yield server


def ask(server: Server, method: str, path: str, content: object = None) -> Any:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def generate(server: Server, **more: object) -> tuple[bytes, str]:
    """The pixels, and the infotext."""
    made = ask(server, "POST", "/sdapi/v1/txt2img", {**PICTURE, **more})
    image = Image.open(io.BytesIO(base64.b64decode(made["images"][0])))
    return image.convert("RGB").tobytes(), json.loads(made["info"])["infotexts"][0]


def try_on(server: Server, **recipe: object) -> Any:
    return ask(server, "POST", "/vae-workbench/v1/try-on", recipe or RECIPE)


def test_the_picture_is_the_one_of_the_file_that_is_saved_later(server: Server) -> None:
    ask(server, "POST", "/sdapi/v1/options", {"sd_model_checkpoint": "tiny", "sd_vae": "Automatic"})
    before, _ = generate(server)
    told = try_on(server)
    assert told["tried_on"] == NAME and not told["baked"] and "not saved" in told["told"]
    tried, infotext = generate(server)
    assert tried != before
    assert f"VAE: {NAME} (tried on)" in infotext and "VAE hash" not in infotext and "Baked VAE" not in infotext
    other, infotext = generate(server, override_settings={"sd_vae": "None"})
    assert other == before and "tried on" not in infotext
    assert generate(server)[0] == tried, "one picture with another VAE does not end it"
    assert ask(server, "DELETE", "/vae-workbench/v1/try-on")["tried_on"] is None
    assert generate(server)[0] == before
    order = ask(server, "POST", "/vae-workbench/v1/workshop", {**RECIPE, "name": "saved"})
    for _ in range(600):
        state = ask(server, "GET", f"/vae-workbench/v1/workshop/{order['id']}")
        if state["status"] != "running":
            break
        time.sleep(0.1)
    assert state["written"], state
    saved, infotext = generate(server, override_settings={"sd_vae": "saved.safetensors"})
    assert saved == tried and "VAE: saved.safetensors" in infotext


def test_another_checkpoint_ends_it(server: Server) -> None:
    ask(server, "POST", "/sdapi/v1/options", {"sd_model_checkpoint": "tiny", "sd_vae": "Automatic"})
    before, _ = generate(server)
    try_on(server)
    ask(server, "POST", "/sdapi/v1/options", {"sd_model_checkpoint": "tiny2"})
    assert ask(server, "GET", "/vae-workbench/v1/active")["tried_on"] is None
    ask(server, "POST", "/sdapi/v1/options", {"sd_model_checkpoint": "tiny"})
    assert generate(server)[0] == before


def test_what_cannot_be_tried_on_is_told(server: Server) -> None:
    for recipe, status in (
        ({"source": "no such", "steps": []}, 422),
        ({"source": "tiny", "steps": [{"tone": {"brightness": "?"}}]}, 422),
        ({"source": "/etc/passwd"}, 422),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            try_on(server, **recipe)
        assert refused.value.code == status and json.load(refused.value)["detail"].endswith(".")


def test_the_top_bar_tells_it_and_takes_it_off(page: Page, server: Server) -> None:
    open_tab(page, server)
    try_on(server)
    page.wait_for_function(f"{LINE}.startsWith('Trying on: {NAME} (not saved)')")
    page.click("button.vaewb-active")
    page.locator("#vaewb_active_panel").get_by_text("Take it off").click()
    page.wait_for_function(f"{LINE}.startsWith('baked')")
    page.locator("#vaewb_active_panel").get_by_text("Take it off").wait_for(state="detached")


def test_reload_ui_takes_it_off(page: Page, server: Server) -> None:
    before, _ = generate(server)
    open_tab(page, server)
    try_on(server)
    page.wait_for_function(f"{LINE}.startsWith('Trying on')")
    page.wait_for_timeout(5000)  # while the page still asks for its values, the web UI waits before it reloads
    page.evaluate("window.vaewbOldPage = true")
    page.locator("#footer a", has_text="Reload UI").click()
    page.wait_for_function("!window.vaewbOldPage && document.querySelector('gradio-app')", timeout=120_000)
    page.wait_for_function(f"{LINE}.startsWith('baked')")
    assert generate(server)[0] == before
    assert "vae_workbench" not in server.printed
