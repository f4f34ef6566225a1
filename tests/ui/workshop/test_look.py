"""Before and after without a file, and what a browser changes the colours of."""

from __future__ import annotations

from pathlib import Path

import fastapi
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.ui.workshop.files import SHOWN, bench_in, place_in
from vae_workbench.errors import InvalidInput
from vae_workbench.progress import silent
from vae_workbench.ui.compare.comparisons import add_comparison_route
from vae_workbench.ui.workbench import Workbench
from vae_workbench.ui.workshop.look import PIXELS_LOWEST, PIXELS_STEP, look, tone_base
from vae_workbench.ui.workshop.order import Order
from vae_workbench.ui.workshop.save import save_order

TONE = {"tone": {"saturation": 1.4, "brightness": -0.05}}


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return bench_in(tmp_path)


def pictures(bench: Workbench) -> list[np.ndarray]:
    folder = bench.comparisons.known(SHOWN)
    assert folder
    assert [vae.name for vae in folder.vaes.values()] == ["Before", "After"]
    images = [folder.cells[next(iter(folder.sources)), vae].image for vae in folder.vaes]
    return [np.asarray(Image.open(folder.path / str(image))).astype(float) for image in images]


def test_what_is_shown_is_what_the_file_gives(bench: Workbench, tmp_path: Path) -> None:
    found, place = bench.library.collection(), place_in(bench, tmp_path)
    order = Order("vae", [TONE, {"convert": {"dtype": "bf16"}}], "new")
    look(bench, order, place, found, silent)
    before, after = pictures(bench)
    assert np.abs(before - after).max() > 5 and before.shape == (24, 32, 3)
    assert not (tmp_path / "vaes/new.safetensors").exists()
    save_order(bench, order, found, silent)
    # The file's decoder, on the latent of the VAE as it was.
    merge = {"merge": {"with": ["new.safetensors"], "blocks": {"encoder": 0.0, "decoder": 1.0}}}
    look(bench, Order("vae", [merge], "x"), place, bench.library.collection(), silent)
    assert np.abs(pictures(bench)[1] - after).max() <= 1


def test_the_browser_gets_all_values_of_the_picture(bench: Workbench, tmp_path: Path) -> None:
    found, place = bench.library.collection(), place_in(bench, tmp_path)
    name = tone_base(bench, Order("vae", [], ""), place, found, silent)
    assert tone_base(bench, Order("vae", [], ""), place, found, silent) == name
    app = fastapi.FastAPI()
    add_comparison_route(app, bench.comparisons)
    content = TestClient(app).get(f"/vae-workbench/comparisons/{SHOWN}/{name}").content
    width, height = np.frombuffer(content, "<u4", 2)
    values = np.frombuffer(content, "<u2", offset=8).reshape(height, width, 3) * PIXELS_STEP + PIXELS_LOWEST
    look(bench, Order("vae", [], ""), place, found, silent)
    assert np.abs(values.clip(0, 1) * 255 - pictures(bench)[0]).max() <= 0.51


def test_the_vae_of_a_checkpoint_and_one_to_be_repaired(bench: Workbench, tmp_path: Path) -> None:
    found, place = bench.library.collection(), place_in(bench, tmp_path)
    look(bench, Order("model", [TONE], ""), place, found, silent)
    before, after = pictures(bench)
    assert np.abs(before - after).max() > 5
    look(bench, Order("old", [{"repair": {}}], ""), place, found, silent)
    assert np.abs(np.subtract(*pictures(bench))).max() == 0


def test_a_picture_that_is_gone_is_told(bench: Workbench, tmp_path: Path) -> None:
    place = place_in(bench, tmp_path)
    bench.comparisons.remove("a" * 32)
    with pytest.raises(InvalidInput, match=r"p\.png is no longer there"):
        look(bench, Order("vae", [TONE], ""), place, bench.library.collection(), silent)
