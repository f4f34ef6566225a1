"""The page "Workshop" as a person uses it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.browser.app import serving_app
from tests.browser.compare_page import add_files, choose_no_source, names_shown
from tests.server_process import Server
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.compare.sources.picture import load_picture, pad_to_multiple
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.colour_presets import PRESETS

if TYPE_CHECKING:
    from playwright.sync_api import Page

ASKED: list[dict[str, Any]] = [
    {},
    *({key: list(it) if isinstance(it, tuple) else it for key, it in fields.items()} for fields in PRESETS.values()),
    {
        "hue": 77.0,
        "tint": -0.4,
        "temperature": 0.8,
        "saturation": 1.7,
        "contrast": 0.7,
        "gamma": 0.6,
        "brightness": 0.1,
    },
]
SHOWN = """() => {
    const canvas = document.querySelector('vaewb-tone canvas');
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return btoa(Array.from(data, (value) => String.fromCharCode(value)).join(''));
}"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workshop") / "own"
    folder.mkdir()
    save_small_kl(folder / "small.safetensors", 1)
    torch.save(small_kl(2), folder / "old.pt")
    odd = {f"model.first_stage_model.{name}": tensor for name, tensor in small_kl(3).items()}
    save_file(odd, folder / "odd.safetensors")
    return folder


@pytest.fixture(scope="module")
def app(own: Path) -> Iterator[Server]:
    with serving_app(own.parent, own) as server:
        yield server


@pytest.fixture
def workshop(page: Page, app: Server, tmp_path: Path) -> Page:
    """The page with a small picture to look at."""
    page.goto(app.address)
    page.wait_for_selector("#vaewb_run")
    noise = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((48, 40), Image.Resampling.BICUBIC).save(tmp_path / "mine.png")
    choose_no_source(page)
    add_files(page, tmp_path / "mine.png")
    page.locator("#vaewb_pages > .tab-nav button", has_text="Workshop").click()
    page.locator("#vaewb_recipe_source option[value='small.safetensors']").wait_for(state="attached")
    page.select_option("#vaewb_recipe_source", "small.safetensors")
    page.locator("#vaewb_recipe_picture option", has_text="mine.png").wait_for(state="attached")
    page.select_option("#vaewb_recipe_picture", label="mine.png")
    return page


def told(page: Page, words: str) -> str:
    page.wait_for_selector(f"#vaewb_workshop_status :text('{words}')")
    return page.inner_text("#vaewb_workshop_status")


def test_the_browser_computes_the_same_change_of_colours(workshop: Page) -> None:
    for fields in ASKED:
        matrix, offset = workshop.evaluate("fields => vaewbTone.change(fields)", fields)
        expected = ColourChange.of(**fields)
        assert np.allclose(matrix, expected.matrix.numpy(), atol=1e-5), fields
        assert np.allclose(offset, expected.offset.numpy(), atol=1e-5), fields


def test_what_the_preview_shows_is_what_the_file_gives(workshop: Page, own: Path, tmp_path: Path) -> None:
    workshop.click("[data-preset='more vivid']")
    workshop.fill("[data-field='0_brightness'] input[type=number]", "0.08")
    workshop.wait_for_selector("vaewb-tone canvas:not([hidden])")
    workshop.wait_for_function("document.querySelector('vaewb-tone [role=status]').textContent.includes('lipped')")
    shown = np.frombuffer(base64.b64decode(workshop.evaluate(SHOWN)), np.uint8).reshape(40, 48, 4)[..., :3]
    clipped = workshop.inner_text("vaewb-tone [role=status]")
    assert workshop.input_value("#vaewb_recipe_name") == "small toned"
    workshop.fill("#vaewb_recipe_name", "vivid")
    workshop.click("#vaewb_workshop_save")
    told(workshop, "vivid.safetensors was written")
    workshop.click("#vaewb_workshop_status [data-vaewb-compare]")
    workshop.wait_for_selector("#vaewb_status :text('Compared 2 VAEs')")
    assert names_shown(workshop)[1:] == ["small.safetensors", "vivid.safetensors"]
    picture = pad_to_multiple(load_picture(tmp_path / "mine.png").pixels * 2 - 1, 8)
    with torch.inference_mode():
        before = load_autoencoder(small_kl(1))
        latents = before.encode(picture)
        pixels = load_autoencoder(load_file(own / "vivid.safetensors")).decode(latents) / 2 + 0.5
        share = ColourChange.of(saturation=1.2, contrast=1.05, brightness=0.08).clipped(
            before.decode(latents) / 2 + 0.5
        )
    expected = (pixels[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    assert np.abs(expected - shown).max() <= 1
    assert abs(float(clipped.split(" %")[0]) - 100 * share) < 0.6


def test_a_recipe_is_looked_at_and_saved_and_compared(workshop: Page, own: Path) -> None:
    workshop.select_option("#vaewb_recipe_source", "old.pt")
    workshop.click("[data-offer=convert]")
    workshop.select_option("[data-field='0_dtype'] select", "fp16")
    assert workshop.input_value("#vaewb_recipe_name") == "old fp16"
    workshop.reload()
    workshop.locator("#vaewb_pages > .tab-nav button", has_text="Workshop").click()
    workshop.wait_for_selector("[data-step=convert]")
    workshop.click("#vaewb_workshop_look_at")
    told(workshop, "Before and after are shown")
    workshop.wait_for_selector("#vaewb_workshop_results vaewb-viewer .vaewb-ab")
    outdated = workshop.locator("#vaewb_workshop_results > * > .vaewb-note, #vaewb_workshop_results > .vaewb-note")
    assert outdated.is_hidden()
    workshop.select_option("[data-field='0_dtype'] select", "bf16")
    assert outdated.is_visible()
    workshop.select_option("[data-field='0_dtype'] select", "fp16")
    assert outdated.is_hidden()
    assert not (own / "old fp16.safetensors").exists()
    workshop.click("#vaewb_workshop_save")
    assert "were rounded to fp16" in told(workshop, "old fp16.safetensors was written")
    workshop.locator("#vaewb_recipe_source option[value='old fp16.safetensors']").wait_for(state="attached")
    workshop.click("#vaewb_workshop_save")
    told(workshop, "old fp16.safetensors is there already")
    workshop.check("#vaewb_recipe_overwrite")
    workshop.click("#vaewb_workshop_save")
    told(workshop, "old fp16.safetensors was written")
    workshop.click("#vaewb_workshop_status [data-vaewb-library]")
    workshop.wait_for_selector("#vaewb_library_details header h2:text-is('old fp16.safetensors')")


def test_steps_are_moved_and_removed(workshop: Page) -> None:
    steps = "vaewb-recipe .vaewb-step-head strong"
    for step in ("convert", "extract"):
        workshop.select_option("#vaewb_recipe_add", step)
    workshop.click("[data-preset=paler]")
    assert workshop.locator(steps).all_inner_texts() == ["1. Convert", "2. Extract", "3. Tone"]
    workshop.click("[aria-label='Later: Convert']")
    assert workshop.locator(steps).all_inner_texts() == ["1. Extract", "2. Convert", "3. Tone"]
    workshop.click("[aria-label='Remove Extract']")
    workshop.click("[data-preset=Sepia]")
    assert workshop.locator(steps).all_inner_texts() == ["1. Convert", "2. Tone"]
    assert workshop.input_value("[data-field='1_matrix'] input").startswith("0.393 0.769")


def test_odd_names_are_told_and_repaired(workshop: Page, own: Path) -> None:
    workshop.select_option("#vaewb_recipe_source", "odd.safetensors")
    workshop.wait_for_selector("vaewb-tone canvas:not([hidden])")
    workshop.click("[data-offer=repair]")
    assert "becomes decoder." in workshop.inner_text("[data-step=repair] .vaewb-message")
    workshop.click("#vaewb_workshop_save")
    told(workshop, "odd repaired.safetensors was written")
    assert load_file(own / "odd repaired.safetensors").keys() == small_kl(1).keys()


def test_a_look_is_matched_on_pictures_of_ones_own(workshop: Page) -> None:
    workshop.select_option("#vaewb_recipe_add", "match")
    workshop.select_option("[data-field='0_like'] select", "old.pt")
    for name in ("face", "foliage", "night"):
        workshop.click(f"[data-field='0_pictures'] [data-source={name}]")
    workshop.click("[data-field='0_pictures'] [aria-label='mine.png']")
    assert workshop.locator("[data-field='0_pictures'] [aria-pressed=true]").count() == 2
    workshop.click("#vaewb_workshop_look_at")
    assert "2 sources, each left out once" in told(workshop, "Before and after are shown")
    workshop.wait_for_selector("#vaewb_workshop_results vaewb-viewer .vaewb-ab")
