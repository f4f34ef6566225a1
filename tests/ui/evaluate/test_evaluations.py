"""Evaluations that pages have made: kept, gone on with, and had by a browser."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastapi
import pytest
from fastapi.testclient import TestClient

from tests.evaluate.small import pictures
from tests.small_vaes import save_small_kl
from tests.ui.workbenches import workbench
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.progress import silent
from vae_workbench.ui.evaluate.evaluations import Evaluations, add_evaluation_routes
from vae_workbench.ui.evaluate.order import Order
from vae_workbench.ui.evaluate.picture_folders import built_in_folder, picture_folders
from vae_workbench.ui.evaluate.run import evaluate
from vae_workbench.ui.evaluate.shown import EMPTY, list_html, results_html
from vae_workbench.ui.workbench import Workbench


def ordered(tmp_path: Path, **others: Any) -> Order:
    vaes = [save_small_kl(tmp_path / f"v{number}.safetensors", number) for number in range(2)]
    root = pictures(tmp_path / "<b>p", 3, 64)
    given: dict[str, Any] = {
        "pictures": "<b>p", "folder": str(root), "vaes": tuple((path.name, str(path)) for path in vaes), "encoder": None,
        "size": 64, "crop": "center", "sample": None, "precisions": ("fp32",),
    }  # fmt: skip
    return Order(**{**given, **others})


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return workbench(tmp_path / "data", evaluations=Evaluations(tmp_path / "data/evaluations"))


def test_an_order_outlives_the_program(tmp_path: Path) -> None:
    order = ordered(tmp_path, encoder=("e", "/e"), sample=5, precisions=("fp32", "bf16"))
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order
    kept = Evaluations(tmp_path / "e").add(order)
    assert [one.order for one in Evaluations(tmp_path / "e").all()] == [order] == [kept.order]


def test_what_was_stopped_is_told_and_gone_on_with(bench: Workbench, tmp_path: Path, in_ones: None) -> None:
    order = ordered(tmp_path)
    kept = bench.evaluations.add(order)

    def stop(fraction: float, _what: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(bench, kept, stop)
    assert kept.summary and kept.summary.missing in (1, 2) and not kept.is_finished
    assert "Go on" in results_html(kept) and "Go on" in list_html([kept], "") and "<b>" not in results_html(kept)
    assert "Go on" not in list_html([kept], "", running={kept.id})
    found = bench.evaluations.unfinished(order)
    assert found and found.id == kept.id
    summary = evaluate(bench, kept, silent)
    assert summary.missing == 0 and kept.summary == summary and kept.is_finished
    assert bench.evaluations.unfinished(order) is None

    shown = results_html(kept)
    assert "v1.safetensors and v0.safetensors" in shown and "vaewb-viewer" in shown and "Go on" not in shown
    app = fastapi.FastAPI()
    add_evaluation_routes(app, bench.evaluations)
    browser, base = TestClient(app), f"/vae-workbench/evaluations/{kept.id}"
    for name in ("plot-psnr.png", "summary.csv", "summary.md", "summary.json", "pairs.csv", "evaluation.html"):
        assert browser.get(f"{base}/{name}").status_code == 200 and name in shown
    comparison = browser.get(f"{base}/differing/comparison.json").json()
    assert len(comparison["cells"]) == 6
    assert browser.get(f"{base}/differing/{comparison['cells'][0]['image']}").headers["content-type"] == "image/png"
    for name in (
        "order.json",
        "results.jsonl",
        "..%2f..%2fx",
        "differing/..%2forder.json",
        f"../{'0' * 32}/summary.csv",
    ):
        assert browser.get(f"{base}/{name}").status_code == 404
    bench.evaluations.remove(kept.id)
    assert browser.get(f"{base}/summary.csv").status_code == 404 and not kept.folder.exists()


def test_the_device_is_given_to_others_in_between(bench: Workbench, tmp_path: Path, in_ones: None) -> None:
    """Where networks run on a device that pictures are made on, too."""
    from vae_workbench.evaluate import compute as computing
    from vae_workbench.evaluate.compute import compute
    from vae_workbench.evaluate.evaluation import begin

    order, turns = ordered(tmp_path), []

    @contextlib.contextmanager
    def turn() -> Iterator[None]:
        turns.append("begin")
        yield
        turns.append("end")

    def told(_fraction: float, _what: str) -> None:
        turns.append("step")

    made = begin(Path(order.folder), order.job(bench.device()), tmp_path / "o")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "TURN", 0.0)
        compute(made, workers=1, turn=turn, progress=told)
    assert turns == ["step", "step", *["begin", "step", "end"] * 3, "begin", "end"]  # first it looks what has changed


@pytest.fixture
def in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_workbench.evaluate.evaluation.batch_size", lambda size, device: 1)


def test_broken_ones_are_left_out_of_the_list(tmp_path: Path) -> None:
    evaluations = Evaluations(tmp_path)
    assert evaluations.all() == []
    for number, text in enumerate(("", "{}", "[1]", '{"encoder": 1, "vaes": 3}')):
        (tmp_path / f"{number:032}").mkdir()
        (tmp_path / f"{number:032}/order.json").write_text(text)
    (tmp_path / "built-in").mkdir()
    assert evaluations.all() == []
    with pytest.raises(InvalidInput, match="no longer there"):
        evaluations.get("../x")
    evaluations.remove("built-in")
    assert (tmp_path / "built-in").is_dir()


def test_folders_have_distinct_names_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    for name in ("a/coco", "b/coco", "b/.hidden"):
        (tmp_path / name).mkdir(parents=True)
    found = picture_folders([tmp_path / "a", tmp_path / "b", tmp_path / "gone"])
    assert found == {
        "a": tmp_path / "a",
        "a/coco": tmp_path / "a/coco",
        "b": tmp_path / "b",
        "b/coco": tmp_path / "b/coco",
    }


def test_the_built_in_pictures_are_files(tmp_path: Path) -> None:
    assert len(list(built_in_folder(tmp_path / "x").iterdir())) == 7
    (tmp_path / "x/face.png").unlink()
    assert (built_in_folder(tmp_path / "x") / "face.png").is_file()


def test_the_empty_page_says_what_it_is_for() -> None:
    assert "Evaluate" in EMPTY and list_html([], "") == ""
