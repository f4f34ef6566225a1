"""What an evaluation tells in the end."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.evaluate.small import job, pictures
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.evaluate.compute import compute
from vae_workbench.evaluate.evaluation import Evaluation, begin
from vae_workbench.evaluate.report.report import write_report
from vae_workbench.evaluate.report.tables import as_html, as_markdown, as_text
from vae_workbench.evaluate.summary.summary import Summary, summarized


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Summary]:
    folder = tmp_path_factory.mktemp("evaluated")
    made, root = job(folder / "vaes"), pictures(folder / "p", 6)
    (root / "broken.png").write_bytes(b"nonsense")
    gone = Candidate("gone <b>.pt", folder / "gone.pt")
    evaluation = begin(root, replace(made, vaes=(*made.vaes, gone)), folder / "o")
    compute(evaluation, workers=1)
    return evaluation, write_report(evaluation, kept=2)


def column(evaluation: Evaluation, vae: int, name: str) -> list[float]:
    return [line[name] for line in evaluation.results().lines() if line.get("vae") == vae]


def test_means_and_paired_differences_are_those_of_the_results(evaluated: tuple[Evaluation, Summary]) -> None:
    evaluation, summary = evaluated
    a, b = (np.array(column(evaluation, vae, "delta_e")) for vae in (0, 1))
    assert [row.measures["delta_e"].mean for row in summary.rows] == [pytest.approx(a.mean()), pytest.approx(b.mean())]
    (pair,) = [pair for pair in summary.pairs if pair.measure == "delta_e"]
    assert pair.closer == ("v0.safetensors" if a.mean() < b.mean() else "v1.safetensors")
    assert pair.difference.mean == pytest.approx(abs(a.mean() - b.mean())) and pair.share.count == 6
    assert pair.share.share == ((a < b).mean() if a.mean() < b.mean() else (b < a).mean())
    assert (summary.pictures, summary.broken, summary.missing, list(summary.unusable)) == (7, 1, 0, ["gone <b>.pt"])


def test_the_pictures_where_they_differ_most_are_kept_for_the_viewer(evaluated: tuple[Evaluation, Summary]) -> None:
    evaluation, summary = evaluated
    a, b = (np.array(column(evaluation, vae, "flip")) for vae in (0, 1))
    farthest = np.argsort(-abs(a - b), kind="stable")[:2]
    assert [different.name for different in summary.differing] == [f"p{number:03}.png" for number in farthest]
    folder = ComparisonFolder(evaluation.folder / "differing")
    assert [source.name for source in folder.sources.values()] == [f"p{number:03}.png" for number in farthest]
    assert len(folder.cells) == 4 and not folder.missing()
    first = next(iter(folder.cells.values()))
    assert first.measures["flip"] == pytest.approx(a[farthest[0]], rel=1e-4) and first.measures["brightness"]
    with Image.open(folder.path / str(first.image)) as image:
        assert image.size == (32, 32)


def test_tables_and_plots_are_written(evaluated: tuple[Evaluation, Summary]) -> None:
    folder = evaluated[0].folder
    told = json.loads((folder / "summary.json").read_text())
    rows = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    assert float(rows[0]["mean"]) == told["rows"][0]["measures"]["psnr"]["mean"] and rows[0]["vae"] == "v0.safetensors"
    assert len(list(csv.DictReader((folder / "pairs.csv").read_text().splitlines()))) == len(told["pairs"]) == 8
    for name in ("psnr", "delta-e", "colour-shift"):
        assert len(set(Image.open(folder / f"plot-{name}.png").convert("RGB").getdata())) > 4
    page = (folder / "evaluation.html").read_text()
    assert "<vaewb-viewer>" in page and page.count("data:image/png") >= 6 + 8 and "<td>v0.safetensors</td>" in page


def test_names_do_not_become_markup(evaluated: tuple[Evaluation, Summary]) -> None:
    summary = evaluated[1]
    for text in (as_html(summary), as_markdown(summary)):
        assert "gone" in text and "<b>" not in text.replace("\\<b\\>", "")


def test_text_names_what_is_broken(evaluated: tuple[Evaluation, Summary]) -> None:
    text = as_text(evaluated[1])
    assert "1 of 7 pictures could not be read." in text and "broken.png" in text and "Not evaluated: gone" in text


def test_the_same_again_changes_nothing(evaluated: tuple[Evaluation, Summary]) -> None:
    folder = evaluated[0].folder
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_report(evaluated[0], kept=2)
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_is_half_done_is_told_as_such(evaluated: tuple[Evaluation, Summary], tmp_path: Path) -> None:
    evaluation = evaluated[0]
    shutil.copytree(evaluation.folder, tmp_path / "o")
    lines = (tmp_path / "o/results.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "o/results.jsonl").write_bytes(b"".join(lines[:3]))
    half = summarized(replace(evaluation, folder=tmp_path / "o"))
    assert half.missing > 0 and "still to be done" in as_text(half)


def test_one_vae_alone_shows_where_it_is_worst(tmp_path: Path) -> None:
    evaluation = begin(pictures(tmp_path / "p", 3), job(tmp_path / "vaes", 1), tmp_path / "o")
    compute(evaluation, workers=1)
    summary = write_report(evaluation, kept=1)
    worst = max(column(evaluation, 0, "flip"))
    assert not summary.pairs and summary.differing[0].difference == worst


def test_in_several_precisions(tmp_path: Path) -> None:
    made = job(tmp_path / "vaes", 1, precisions=("fp32", "bf16"))
    evaluation = begin(pictures(tmp_path / "p", 2), made, tmp_path / "o")
    compute(evaluation, workers=1)
    summary = write_report(evaluation, kept=0)
    assert [row.title for row in summary.rows] == ["v0.safetensors · fp32", "v0.safetensors · bf16"]
    assert summary.rows[0].measures["psnr"].mean != summary.rows[1].measures["psnr"].mean
    assert not (tmp_path / "o/differing").exists()
