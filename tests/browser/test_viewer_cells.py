"""What <vaewb-viewer> shows beyond finished cells, and what can be done with them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import ExifTags, Image

from tests.browser.viewer_file import VIEWER, mode, opened, sample_comparison, sample_pictures, shared_file, state

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("viewer")

INFOTEXT = "a girl, <lora:été:1>\nNegative prompt: blurry\nSteps: 20, VAE: soft.safetensors"
ACTIONS = [
    {"id": "use-now", "label": "Use now", "title": "", "needs": "vae"},
    {"id": "send-img2img", "label": "Send to img2img", "title": "", "needs": "picture"},
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = sample_pictures()
    folder = sample_comparison(tmp_path_factory.mktemp("viewer") / "comparison", pictures)
    grey = {
        f"latent-text-{encoder}-{n}.png": Image.new("L", (32, 32), 40 * n)
        for encoder in ("soft", "pale")
        for n in range(4)
    }
    for encoder, shift in (("soft", 0), ("pale", 1)):
        names = [f"latent-text-{encoder}-{n}.png" for n in range(4)]
        folder.put_latents(
            latent_record(encoder, names), {name: grey[name].point(lambda v, by=shift: v + 51 * by) for name in names}
        )
    rounds = [
        {"round": k, "psnr": 30.0 - k, "delta_e": 1.0 * k, "flip": 0.1 * k, "image": f"loss-text-soft-{k}.png"}
        for k in (1, 2, 3)
    ]
    loss = {"source": "text", "encoder": "soft", "decoder": "soft", "rounds": rounds, "error": None}
    folder.put_loss(loss, {one["image"]: pictures["text"] for one in rounds})
    broken = {**loss, "encoder": "pale", "rounds": [], "error": "pale could not be read."}
    folder.put_loss(broken, {})
    stopped = {
        **loss,
        "decoder": "pale",
        "rounds": [dict(one) for one in rounds[:2]],
        "error": "In round 3, pale gave no numbers.",
    }
    folder.put_loss(stopped, {})
    return shared_file(folder)


def latent_record(encoder: str, names: list[str]) -> dict[str, Any]:
    size = {"width": 32, "height": 32, "channels": 4, "downscale": 8, "low": -5.0, "high": 5.0}
    statistics = [{"mean": -0.5, "std": 1.25, "min": -4.0, "max": 4.5}] * 4
    return {
        "source": "text",
        "encoder": encoder,
        **size,
        "statistics": statistics,
        "channels_images": names,
        "preview": None,
        "error": None,
    }


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    with opened(browser, file) as page:
        yield page


def change(page: Page, script: str) -> None:
    """Gives the viewer a changed comparison, as the page does while cells are decoded; ``c`` is its content."""
    page.evaluate(
        f"() => {{ const v = {VIEWER}; const c = structuredClone(v.comparison); {script}; v.comparison = c; }}"
    )


def test_a_cell_tells_how_far_it_is_and_the_whole_what_remains(page: Page) -> None:
    change(
        page,
        "c.running = true; c.remaining = 42;"
        "Object.assign(c.cells[0], {state: 'running', image: null, progress: 0.4, step: 'decoding'})",
    )
    cell = page.locator(".vaewb-figure").nth(1)
    assert cell.locator("progress").evaluate("bar => bar.value") == 0.4
    assert "decoding" in cell.inner_text()
    assert page.locator(".vaewb-far").inner_text() == "7 of 8 · about 42 s left"
    change(page, "c.running = false; Object.assign(c.cells[0], {state: 'done', image: c.cells[1].image})")
    assert cell.locator(".vaewb-pane img").count() == 1
    assert page.locator(".vaewb-far").inner_text() == ""


def test_what_was_not_made_does_not_wait_after_a_cancel(page: Page) -> None:
    """It said "waiting" for ever."""
    waiting = "Object.assign(c.cells[0], {state: 'waiting', image: null})"
    change(page, f"c.running = true; {waiting}")
    cell = page.locator(".vaewb-figure").nth(1)
    assert "waiting" in cell.inner_text()
    change(page, "c.running = false")
    assert "not made" in cell.inner_text() and "waiting" not in cell.inner_text()


def test_cells_that_come_disturb_nobody_who_looks(page: Page) -> None:
    """Each cell that came built the view anew: a drag of the divider was lost and the picture flashed."""
    mode(page, "ab")
    page.evaluate("document.querySelector('.vaewb-ab').dataset.same = 'yes'")
    change(
        page, "c.cells[2].words = 'other'; Object.assign(c.cells[3], {state: 'running', error: null, progress: 0.5})"
    )
    assert page.locator(".vaewb-ab[data-same=yes]").count() == 1


def test_stale_cells_are_dimmed_and_warnings_open_by_a_tap(page: Page) -> None:
    change(
        page,
        "c.cells[0].state = 'stale'; c.cells[1].warnings = ['3 purple blotches.', 'Overflowed.'];"
        "Object.assign(c.vaes[2], {badge: 'TAESD', warnings: ['Broken weights.']})",
    )
    assert (
        page.locator("[data-state=stale] .vaewb-pane img").evaluate("it => Number(getComputedStyle(it).opacity)") < 0.6
    )
    page.locator("figure .vaewb-warn").click()
    assert page.locator(".vaewb-popover").inner_text().split("\n")[0] == "3 purple blotches."
    heading = page.locator(".vaewb-column", has_text="stained")
    assert "TAESD" in heading.inner_text()
    assert heading.locator(".vaewb-warn").get_attribute("title") == "Broken weights."


def test_what_the_page_offers_is_in_the_menu_and_is_asked_for(page: Page) -> None:
    page.evaluate(
        f"all => {{ {VIEWER}.actions = all; document.addEventListener('vaewb:cell-action', e => window.told = e.detail); }}",
        ACTIONS,
    )
    pane = page.locator(".vaewb-pane").nth(2)
    pane.hover()
    pane.locator(".vaewb-more").click()
    assert page.locator(".vaewb-popover button").all_inner_texts() == [
        "Save this picture",
        "Use now",
        "Send to img2img",
    ]
    page.get_by_text("Use now").click()
    told = page.evaluate("window.told")
    assert (told["action"], told["source"], told["vae"], told["name"]) == (
        "use-now",
        "text",
        "pale",
        "pale.safetensors",
    )
    assert page.locator(".vaewb-popover").count() == 0
    page.locator(".vaewb-pane").nth(0).hover()
    page.locator(".vaewb-more").nth(0).click()
    assert "Use now" not in page.locator(".vaewb-popover").inner_text(), "the source is no VAE"


def test_a_picture_can_be_saved(page: Page) -> None:
    page.locator(".vaewb-pane").nth(2).hover()
    page.locator(".vaewb-more").nth(2).click()
    with page.expect_download() as download:
        page.get_by_text("Save this picture").click()
    assert download.value.suggested_filename == "text - pale.png"
    with Image.open(download.value.path()) as saved:
        assert saved.size == (256, 256)


@pytest.mark.parametrize("kind", ["PNG", "WebP"])
def test_the_grid_is_saved_in_full_size_with_the_infotext(page: Page, kind: str) -> None:
    page.evaluate("text => " + f"{VIEWER}.comparison.sources[0].infotext = text", INFOTEXT)
    with page.expect_download() as download:
        page.get_by_text(f"Save the grid as {kind}").click()
    data = Path(download.value.path()).read_bytes()
    with Image.open(io.BytesIO(data)) as saved:
        saved.load()
        told = saved.text["parameters"] if kind == "PNG" else user_comment(saved)  # type: ignore[attr-defined]
        assert saved.width > 5 * 256 and saved.height > 2 * 256
    assert told.startswith(
        f'{INFOTEXT}, Comparison: "2 sources, 4 VAEs", VAE 1: soft.safetensors, VAE 2: pale.safetensors'
    )
    assert told.endswith("Source 2: colours")


def user_comment(image: Image.Image) -> str:
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment.startswith(b"UNICODE\0")
    return bytes(comment[8:]).decode("utf-16-be")


def test_the_latent_view_tells_sizes_statistics_and_what_encoders_make_different(page: Page) -> None:
    mode(page, "latent")
    text = page.locator(".vaewb-latent").first.inner_text()
    assert "256×256 → 32×32×4" in text and "−0.50 ± 1.25 · −4.00 … 4.50" in text
    page.locator(".vaewb-controls select").select_option(label="soft.safetensors")
    page.wait_for_selector(".vaewb-measure")
    # the pictures of one are 51 of 255 steps lighter, in a range of 10
    assert page.locator(".vaewb-latent").nth(1).locator(".vaewb-measure").all_inner_texts() == ["apart by 2.00"] * 4


def test_a_round_of_the_generation_loss_is_looked_at_beside_the_source(page: Page) -> None:
    mode(page, "loss")
    assert page.locator(".vaewb-rounds .vaewb-line").count() == 2
    page.locator(".vaewb-loss .vaewb-choice").nth(2).click()
    assert page.locator(".vaewb-left .vaewb-name").inner_text() == "source"
    assert page.locator(".vaewb-right .vaewb-name").inner_text() == "soft, round 3"
    page.keyboard.press("ArrowDown")
    assert state(page)["b"] == 0, "the other source has no such picture"


def test_what_was_made_before_a_pair_failed_is_shown_beside_the_error(page: Page) -> None:
    """Rounds of a pair that failed later were left out, and the curves had the colours of other pairs."""
    mode(page, "loss")
    pairs = page.locator("section.vaewb-loss")
    assert [pairs.nth(i).locator(".vaewb-choice").count() for i in range(3)] == [3, 0, 2]
    assert "In round 3, pale gave no numbers." in pairs.nth(2).inner_text()
    signs = [pairs.nth(i).locator("h4 span").inner_text().strip() for i in (0, 2)]
    assert page.locator(".vaewb-rounds .vaewb-sign").all_text_contents() == [signs[0]] * 3 + [signs[1]] * 2


def test_a_view_without_data_tells_how_to_get_them(page: Page) -> None:
    mode(page, "loss")
    page.locator("[data-source='1']").click()
    assert "compare … --views loss" in page.locator(".vaewb-empty").inner_text()
    assert page.locator(".vaewb-want").count() == 0, "a file can have nothing made"
    page.evaluate(
        f"() => {{ {VIEWER}.makes = ['loss']; {VIEWER}.build();"
        "document.addEventListener('vaewb:want', e => window.told = e.detail); }"
    )
    page.locator(".vaewb-want").click()
    assert page.evaluate("window.told") == {"view": "loss", "source": "colours"}
    assert "terminal" not in page.locator(".vaewb-empty").inner_text(), "there is a button"
    change(page, "c.busy = true")
    assert page.locator(".vaewb-want").is_disabled(), "something is being made already"


def test_a_view_of_which_a_part_is_there_offers_the_rest(page: Page) -> None:
    """After generation loss was cancelled there was no way to go on."""
    page.evaluate(
        f"() => {{ {VIEWER}.makes = ['loss']; document.addEventListener('vaewb:want', e => window.told = e.detail); }}"
    )
    mode(page, "loss")
    change(page, "for (const loss of c.losses) loss.wanted = 9")
    page.get_by_role("button", name="Make the rest").click()
    assert page.evaluate("window.told.view") == "loss"
    everything = "c.losses = c.vaes.map(({id}) => ({...c.losses[0], encoder: id, decoder: id, wanted: 0}))"
    change(page, everything)
    assert page.locator(".vaewb-want").count() == 0


def test_a_blind_choice_by_keys_offers_the_winner(page: Page) -> None:
    page.evaluate(
        f"all => {{ {VIEWER}.actions = all; document.addEventListener('vaewb:cell-action', e => window.told = e.detail); }}",
        ACTIONS,
    )
    mode(page, "blind")
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    page.get_by_text("Use now").click()
    assert page.evaluate("window.told.name") == page.locator(".vaewb-winner .vaewb-name").inner_text()
    assert page.locator(".vaewb-ranking li").count() == 3, "who has no picture is not ranked"


def test_a_blind_choice_begins_anew_on_other_pictures(page: Page) -> None:
    """The next comparison of the same VAEs on another picture showed the ranking of the one before, without a question."""
    mode(page, "blind")
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    change(page, "c.sources.push({...c.sources[0], id: 'more', name: 'more'})")
    assert page.locator(".vaewb-ranking li").count() == 3, "more pictures do not change what was chosen on the others"
    change(page, "c.sources.shift()")
    assert page.locator(".vaewb-pick").count() == 2
    assert page.locator(".vaewb-stage progress").get_attribute("value") == "0"


def test_what_the_viewer_says_can_be_translated(page: Page) -> None:
    page.evaluate(
        f"() => {{ window.localization = {{Grid: 'Raster', '{{done}} of {{all}}': '{{done}} von {{all}}'}}; {VIEWER}.build(); }}"
    )
    change(page, "c.running = true")
    assert page.locator(".vaewb-mode[data-mode=grid]").inner_text() == "Raster"
    assert page.locator(".vaewb-far").inner_text() == "8 von 8"
