"""New files from orders, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.small_vaes import small_kl
from tests.ui.workshop.files import bench_in
from vae_workbench.errors import Cancelled, InvalidInput, UnwritableTarget
from vae_workbench.progress import silent
from vae_workbench.ui.workbench import Workbench
from vae_workbench.ui.workshop.order import Order
from vae_workbench.ui.workshop.save import save_order, saved_html


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return bench_in(tmp_path)


def html(bench: Workbench, order: Order) -> str:
    return saved_html(bench, order, save_order(bench, order, bench.library.collection(), silent))


def test_a_new_file_is_in_every_list_at_once(bench: Workbench, tmp_path: Path) -> None:
    changed: list[str] = []
    bench = replace(bench, files_changed=lambda: changed.append("listed"))
    told = html(bench, Order("old.pt", [{"convert": {}}], "new"))
    assert "new.safetensors was written" in told and "data-vaewb-written" in told
    assert "data-vaewb-library='new.safetensors'" in told
    assert "old.pt&quot;, &quot;new.safetensors" in told
    assert changed == ["listed"] and bench.library.collection().by_name("new.safetensors")
    made = load_file(tmp_path / "vaes/new.safetensors")
    assert all(torch.equal(value, made[name]) for name, value in small_kl(3).items())


def test_a_checkpoint_becomes_a_toned_vae_in_one_pass(bench: Workbench, tmp_path: Path) -> None:
    steps = [{"extract": {}}, {"tone": {"preset": "Sepia"}}, {"convert": {"dtype": "fp16"}}]
    told = html(bench, Order("model", steps, "new"))
    assert "were rounded to fp16" in told and "data-vaewb-compare" not in told
    made = load_file(tmp_path / "vaes/new.safetensors")
    assert made.keys() == small_kl(4).keys() and made["decoder.conv_in.bias"].dtype == torch.float16


def test_a_trial_writes_nothing(bench: Workbench, tmp_path: Path) -> None:
    before = sorted((tmp_path / "vaes").iterdir())
    told = html(bench, Order("vae", [{"tone": {"gamma": 1.2}}], "new", dry_run=True))
    assert "Nothing was written. new.safetensors would hold" in told and "A gamma is a curve" in told
    assert "nothing to do" in html(bench, Order("vae", [{"repair": {}}], "new"))
    assert sorted((tmp_path / "vaes").iterdir()) == before


def test_refused_and_cancelled_work_leaves_everything_as_it_was(bench: Workbench, tmp_path: Path) -> None:
    def stop(fraction: float, _what: str) -> None:
        if fraction > 0.4:
            raise Cancelled

    found, before = bench.library.collection(), sorted((tmp_path / "vaes").iterdir())
    with pytest.raises(Cancelled):
        save_order(bench, Order("vae", [{"convert": {"dtype": "fp16"}}], "new"), found, stop)
    with pytest.raises(InvalidInput, match="is there already"):
        save_order(bench, Order("vae", [], "other"), found, silent)
    with pytest.raises(UnwritableTarget, match="the file that is read"):
        save_order(bench, Order("vae", [{"tone": {}}], "vae", overwrite=True), found, silent)
    assert sorted((tmp_path / "vaes").iterdir()) == before


def test_a_file_that_was_written_is_told_of_whatever_happens_to_the_lists(bench: Workbench, tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("no list")

    told = html(replace(bench, files_changed=broken), Order("vae", [{"tone": {"contrast": 1.1}}], "new"))
    assert "new.safetensors was written" in told and (tmp_path / "vaes/new.safetensors").is_file()
