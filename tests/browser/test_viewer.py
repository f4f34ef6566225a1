"""The viewer of comparisons, in the HTML file that people share: opened from disk, with the network off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from PIL import Image

from tests.browser.accessibility import violations
from tests.browser.viewer_file import MADE, VIEWER, mode, opened, sample_comparison, sample_pictures, shared_file, state
from vae_workbench.compare.measuring.flip import flip

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("viewer")


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    return sample_pictures()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, Image.Image]) -> Path:
    return shared_file(sample_comparison(tmp_path_factory.mktemp("viewer") / "comparison", pictures))


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    with opened(browser, file) as page:
        yield page


def test_the_grid_shows_every_cell_and_why_one_is_missing(page: Page) -> None:
    assert page.locator(".vaewb-grid .vaewb-figure").count() == 2 * (1 + 4)
    assert page.locator(".vaewb-failed").all_inner_texts() == ["broken.safetensors is damaged. Use another copy."] * 2
    assert page.get_by_text("it is pale").count() == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_wrong_in_any_view(page: Page, theme: Literal["light", "dark"]) -> None:
    """Menus stood inside of what claimed to be images, the divider had no value, and a choice no name."""
    page.emulate_media(color_scheme=theme)
    for view in page.eval_on_selector_all("[data-mode]", "all => all.map(it => it.dataset.mode)"):
        mode(page, view)
        assert violations(page, "vaewb-viewer") == [], view


def test_one_source_takes_as_many_rows_as_make_its_pictures_largest(page: Page) -> None:
    """Six pictures stood in one row, small as stamps, above an empty half of the window."""
    fitted = "([count, aspect, width, height]) => vaewbViewer.fittedGrid(count, aspect, width, height).columns"
    assert page.evaluate(fitted, [6, 1, 870, 690]) == 3
    assert page.evaluate(fitted, [2, 1, 870, 690]) == 2
    assert page.evaluate(fitted, [6, 1, 1800, 400]) == 6
    assert page.evaluate(fitted, [6, 2, 700, 1200]) == 2


def test_all_pictures_zoom_and_move_together_and_pixels_become_squares(page: Page) -> None:
    pane = page.locator(".vaewb-pane").nth(2)
    box = pane.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    for _ in range(6):
        page.mouse.wheel(0, -300)
    page.wait_for_function(f"{VIEWER}.view.zoom > 10")
    transforms = page.eval_on_selector_all(".vaewb-pane img", "all => all.map(it => it.style.transform)")
    assert len(transforms) == 8 and len(set(transforms)) == 1
    assert set(page.eval_on_selector_all(".vaewb-pane img", "all => all.map(it => it.style.imageRendering)")) == {
        "pixelated"
    }
    now = state(page)
    assert 0.6 < float(str(now["x"])) < 0.9 and 0.1 < float(str(now["y"])) < 0.4, "it zooms where the pointer is"
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75 - 60, box["y"] + box["height"] * 0.25, steps=4)
    page.mouse.up()
    page.wait_for_function(f"{VIEWER}.view.x > {now['x']}")


def test_a_pixel_becomes_32_pixels_of_the_screen_and_no_larger(page: Page) -> None:
    mode(page, "ab")
    page.focus(".vaewb-stage")
    for _ in range(14):
        page.keyboard.press("+")
    page.wait_for_function("document.querySelector('.vaewb-scale-now').textContent === '3200 %'")
    page.keyboard.press("z")
    page.wait_for_function("document.querySelector('.vaewb-scale-now').textContent === '100 %'")


def test_numbers_choose_tab_flips_and_space_shows_the_other_in_place(page: Page) -> None:
    mode(page, "ab")
    page.focus(".vaewb-stage")
    page.keyboard.press("2")
    page.keyboard.press("Shift+Digit1")
    assert (state(page)["a"], state(page)["b"]) == (0, 1)
    assert page.locator(".vaewb-left .vaewb-name").inner_text() == "soft.safetensors"
    assert page.locator(".vaewb-right .vaewb-name").inner_text() == "pale.safetensors"
    page.keyboard.press("Tab")
    assert (state(page)["a"], state(page)["b"]) == (1, 0)
    seen = "[...document.querySelectorAll('.vaewb-ab > :is(.vaewb-left, .vaewb-right)')]"
    seen += ".filter(it => getComputedStyle(it).visibility === 'visible').map(it => it.className)"
    page.keyboard.down(" ")
    assert page.evaluate(seen) == ["vaewb-left"]
    page.keyboard.up(" ")
    assert page.evaluate(seen) == ["vaewb-left", "vaewb-right"]
    page.keyboard.press("ArrowDown")
    assert state(page)["source"] == 1 and state(page)["b"] == 0, "the choice stays when the source changes"


def test_the_two_blink_in_turn(page: Page) -> None:
    mode(page, "ab")
    page.focus(".vaewb-stage")
    shown = "getComputedStyle(document.querySelector('.vaewb-{}')).visibility === 'visible'"
    page.keyboard.press("x")
    page.wait_for_function(f"{shown.format('left')} && !({shown.format('right')})")
    page.wait_for_function(f"{shown.format('right')} && !({shown.format('left')})")
    page.keyboard.press("x")
    page.wait_for_function(f"{shown.format('right')} && {shown.format('left')}")


def test_the_divider_follows_the_pointer(page: Page) -> None:
    mode(page, "ab")
    box = page.locator(".vaewb-ab").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=5)
    page.mouse.up()
    assert abs(float(str(state(page)["divider"])) - 0.6) < 0.01
    assert state(page)["zoom"] == 1 and state(page)["x"] == 0.5, "the picture stays where it is"


def test_the_values_under_the_pointer_are_told_for_all(page: Page, pictures: dict[str, Image.Image]) -> None:
    mode(page, "ab")
    page.focus(".vaewb-stage")
    page.keyboard.press("ArrowDown")
    box = page.locator(".vaewb-ab").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + box["height"] / 2 + 5)
    page.wait_for_selector(".vaewb-value")
    place = tuple(int(number) for number in page.locator(".vaewb-place").inner_text().split(", "))
    told = [" ".join(text.split()) for text in page.locator(".vaewb-value").all_inner_texts()]
    expected = " ".join(map(str, pictures["colours"].getpixel(place)))
    assert len(told) == 4 and told[0] == f"source {expected}"


def test_flip_is_what_the_program_computes(page: Page, pictures: dict[str, Image.Image]) -> None:
    mode(page, "difference")
    page.wait_for_function("document.querySelectorAll('.vaewb-measure').length === 3", timeout=60_000)
    told = [float(text.split()[1]) for text in page.locator(".vaewb-measure").all_inner_texts()]
    source = np.asarray(pictures["text"], np.float32) / 255
    made = [flip(source, np.asarray(change(pictures["text"]), np.float32) / 255) for change in MADE.values()]
    assert told == pytest.approx(made, rel=0.01)


def test_blotches_are_outlined_and_counted(page: Page) -> None:
    mode(page, "difference")
    figure = page.locator(".vaewb-figure", has_text="stained.safetensors")
    figure.get_by_text("blotch").wait_for(timeout=60_000)
    assert figure.locator(".vaewb-outline").count() == 1
    assert page.locator(".vaewb-figure", has_text="soft.safetensors").locator(".vaewb-outline").count() == 0


def test_the_loupe_begins_where_they_differ_most(page: Page) -> None:
    mode(page, "loupe")
    page.wait_for_selector(".vaewb-spot", timeout=60_000)
    page.wait_for_function(f"{VIEWER}.state.spot === 0")
    assert float(str(state(page)["zoom"])) >= 4
    before = state(page)
    page.focus(".vaewb-stage")
    page.keyboard.press("n")
    page.wait_for_function(f"{VIEWER}.state.spot === 1")
    assert (state(page)["x"], state(page)["y"]) != (before["x"], before["y"])


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("brightness", "[r + 30, g + 30, b + 30]"),
        ("colour", "[r + 25, g - 10, b]"),
        ("detail", "x % 2 ? [r + 20, g + 20, b + 20] : [r - 20, g - 20, b - 20]"),
    ],
)
def test_a_place_is_named_after_what_differs_in_it(page: Page, kind: str, change: str) -> None:
    """On a detailed picture every place was called "fine detail", also where a VAE turned all of it green."""
    kinds = page.evaluate(
        """(change) => {
        const changed = Function("x", "r", "g", "b", `return ${change};`);
        const made = (paint) => {
            const data = new Uint8ClampedArray(64 * 64 * 4).fill(255);
            for (let i = 0; i < 64 * 64; i++) {
                const [x, y] = [i % 64, Math.floor(i / 64)];
                const grey = 90 + 60 * ((x * 7 + y * 3) % 2); // fine lines everywhere
                paint(x, grey, grey, grey).forEach((value, channel) => (data[4 * i + channel] = value));
            }
            return {width: 64, height: 64, data};
        };
        const pictures = [made((x, ...rgb) => rgb), made(changed)];
        return vaewbViewer.measures.compute("hotSpots", pictures).then((spots) => spots.map((spot) => spot.kind));
    }""",
        change,
    )
    assert set(kinds) == {kind}


def test_the_tone_curve_tells_pale(page: Page) -> None:
    mode(page, "tone")
    page.wait_for_function("document.querySelectorAll('.vaewb-curve').length === 3", timeout=60_000)


def test_a_blind_choice_finds_who_is_always_chosen(page: Page) -> None:
    """The choices are made by what lies behind the pictures, as a person with a taste would."""
    mode(page, "blind")
    assert "safetensors" not in page.locator(".vaewb-stage").inner_text(), "nothing gives the names away"
    page.wait_for_selector(".vaewb-pick")
    for _ in range(40):
        if page.locator(".vaewb-ranking").count():
            break
        sides = page.eval_on_selector_all(".vaewb-side img", "all => all.map(it => it.src)")
        best = page.evaluate(f"[0, 1].map(s => {VIEWER}.address(s, 1))")
        page.locator(".vaewb-pick").nth(1 if sides[1] in best else 0).click()
    assert page.locator(".vaewb-winner strong").inner_text() == "pale.safetensors"
    assert page.locator(".vaewb-ranking li").first.inner_text().startswith("pale.safetensors")


def test_who_is_liked_alike_shares_a_rank(page: Page) -> None:
    """Four without any difference were numbered 2, 3, 4 and 5, and the first was "your favourite"."""
    mode(page, "blind")
    for _ in range(40):
        if page.locator(".vaewb-ranking").count():
            break
        page.locator(".vaewb-tie").click()
    assert page.eval_on_selector_all(".vaewb-ranking li", "all => all.map(it => it.value)") == [1, 1, 1]
    assert "is ahead so far" in page.locator(".vaewb-winner").inner_text()


def test_it_works_under_its_own_policy(browser: Browser, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    page.locator("[data-mode=difference]").click()
    page.locator(".vaewb-measure").nth(2).wait_for(timeout=60_000)
    page.close()


def test_the_keys_can_be_found(page: Page) -> None:
    page.focus(".vaewb-stage")
    page.keyboard.press("?")
    assert page.locator("dialog dt").count() >= 8
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
