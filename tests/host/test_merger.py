"""The tab Checkpoint Merger of the real web UI, with a VAE to bake in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.host.conftest import WebUI
from tests.server_process import Server
from vae_workbench.autoencoder.names import canonical_names
from vae_workbench.weights.reader import load_tensors

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("webui")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the merger writes."""
    return tmp_path_factory.mktemp("merged")


@pytest.fixture(scope="module")
def server(webui: WebUI, made: Path) -> Iterator[Server]:
    stored = webui.root / "models" / "Stable-diffusion"
    if not (stored / "novae.safetensors").exists():
        pytest.skip("this web UI lacks the tiny checkpoints")
    for file in stored.glob("novae.*"):
        shutil.copy(file, made / f"without a vae{file.suffix}")
    with webui.serve("--ckpt-dir", str(made), "--ckpt", str(made / "without a vae.safetensors")) as server:
        yield server


def choose(page: Page, dropdown: str, name: str) -> None:
    page.locator(f"#{dropdown} input").click()
    page.locator(f"#{dropdown} ul.options li", has_text=name).first.click()


def wait_for(page: Page, sentence: str) -> None:
    """It is shown as the merger's result."""
    page.wait_for_function(
        "told => document.querySelector('#modelmerger_result')?.innerText.includes(told)", arg=sentence
    )


def test_a_vae_is_baked_into_a_checkpoint_that_has_none(page: Page, server: Server, webui: WebUI, made: Path) -> None:
    page.goto(server.address)
    page.locator("#tabs > .tab-nav button", has_text="Checkpoint Merger").click()
    choose(page, "modelmerger_primary_model_name", "without a vae")
    page.locator("#modelmerger_interp_method label", has_text="No interpolation").click()
    page.fill("#modelmerger_custom_name textarea", "with a vae")
    choose(page, "modelmerger_bake_in_vae", "bad-missing-encoder.safetensors")
    page.click("#modelmerger_merge")
    wait_for(page, "bad-missing-encoder.safetensors cannot be baked in")
    assert not list(made.glob("with a vae*"))
    choose(page, "modelmerger_bake_in_vae", "vae-c.pt")
    page.click("#modelmerger_merge")
    wait_for(page, "with a vae.safetensors")
    merged = load_tensors(made / "with a vae.safetensors")
    vae = load_tensors(webui.root / "models" / "VAE" / "vae-c.pt")
    assert all(merged[f"first_stage_model.{name}"].equal(vae[inside]) for name, inside in canonical_names(vae).items())
