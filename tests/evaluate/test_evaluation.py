"""An evaluation in a folder: the same numbers whoever computes them, and nothing done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.evaluate.small import SIZE, job, known, pictures, tiny_job
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.errors import Cancelled, InUse, InvalidInput
from vae_workbench.evaluate.compute import compute, missing_batches
from vae_workbench.evaluate.evaluation import Evaluation, begin
from vae_workbench.evaluate.job import Batch, Job, Line, batch_size
from vae_workbench.evaluate.measuring.batches import evaluate_batches
from vae_workbench.evaluate.report.tables import as_text
from vae_workbench.evaluate.summary.summary import summarized
from vae_workbench.evaluate.workers import processes
from vae_workbench.evaluate.workers.processes import evaluate_in_processes
from vae_workbench.folder_lock import locked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def in_fours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, so that there are several."""
    monkeypatch.setattr("vae_workbench.evaluate.evaluation.batch_size", lambda size, device: 4)


def test_batches_are_of_equal_memory() -> None:
    assert [batch_size(size, "cpu") for size in (32, 128, 256, 512, 2048)] == [64, 16, 4, 1, 1]
    assert batch_size(256, "cuda:1") == 16


def test_it_goes_on_where_it_was_cancelled(tmp_path: Path, in_fours: None) -> None:
    made, root = job(tmp_path / "vaes"), pictures(tmp_path / "p", 10)
    whole = begin(root, made, tmp_path / "whole")
    compute(whole, workers=1)

    def cancel(fraction: float, _what: str) -> None:
        if fraction >= 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        compute(begin(root, made, tmp_path / "cut"), workers=1, progress=cancel)
    again = begin(root, made, tmp_path / "cut")
    assert [batch.first for batch in missing_batches(again, again.results())] == [4, 8]
    assert compute(again, workers=1) == 6 and compute(again, workers=1) == 0
    assert (tmp_path / "cut/results.jsonl").read_bytes() == (tmp_path / "whole/results.jsonl").read_bytes()


def test_it_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """By the system, at whatever it was doing."""
    made, root = tiny_job(tmp_path / "vaes"), pictures(tmp_path / "p", 12, 256)
    arguments = [str(root), "--vae", str(made.vaes[0].path), "--workers", "1", "--out", str(tmp_path / "cut")]
    run = subprocess.Popen([sys.executable, "-m", "vae_workbench", "evaluate", *arguments], cwd=ROOT)
    results = tmp_path / "cut/results.jsonl"
    while not (results.exists() and results.stat().st_size):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    again, whole = begin(root, made, tmp_path / "cut"), begin(root, made, tmp_path / "whole")
    assert 0 < len(known(again.results())) < 12
    compute(again, workers=1)
    compute(whole, workers=1)
    assert results.read_bytes() == (tmp_path / "whole/results.jsonl").read_bytes()


def test_many_workers_give_the_numbers_of_one_and_those_that_are_lost_are_replaced(
    tmp_path: Path, in_fours: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, root = tiny_job(tmp_path / "vaes", size=SIZE), pictures(tmp_path / "p", 16)
    (root / "broken.png").write_bytes(b"nonsense")
    evaluation, whole = begin(root, made, tmp_path / "o"), begin(root, made, tmp_path / "whole")
    started: list[int] = []
    start = processes._started

    def noting(started_job: Job) -> processes._Worker:
        worker = start(started_job)
        started.append(worker.process.pid or 0)
        return worker

    monkeypatch.setattr(processes, "_started", noting)
    results = evaluation.results()
    for number, lines in enumerate(evaluate_in_processes(evaluation.job, missing_batches(evaluation, results), 2)):
        if number == 0:
            assert lines == []
            os.kill(started[0], signal.SIGKILL)
        results.add(lines)
    assert len(started) == 3
    compute(whole, workers=1)
    assert known(results) == known(whole.results())


def test_a_batch_that_always_loses_its_worker_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = processes._started

    def killed(started_job: Job) -> processes._Worker:
        worker = start(started_job)
        worker.process.kill()
        return worker

    monkeypatch.setattr(processes, "_started", killed)
    with pytest.raises(Exception, match=r"3 workers were lost at the pictures from p000\.png"):
        list(evaluate_in_processes(job(tmp_path / "vaes", 1), [Batch(0, ("p000.png",), (), (0,))], 1))


def test_another_evaluation_in_the_folder_is_refused(tmp_path: Path) -> None:
    made, root = job(tmp_path / "vaes"), pictures(tmp_path / "p", 2)
    begin(root, made, tmp_path / "o")
    before = (tmp_path / "o/evaluation.json").read_bytes()
    for other, told in ((replace(made, size=64), "size"), (replace(made, precisions=("bf16",)), "precisions")):
        with pytest.raises(InvalidInput, match=f"another evaluation.*{told}"):
            begin(root, other, tmp_path / "o")
    with pytest.raises(InvalidInput, match=r"another evaluation.*sample"):
        begin(root, made, tmp_path / "o", sample=1)
    job(tmp_path / "vaes", 1)  # the first VAE is written anew
    with pytest.raises(InvalidInput, match=r"another evaluation.*vaes"):
        begin(root, made, tmp_path / "o")
    assert (tmp_path / "o/evaluation.json").read_bytes() == before


def test_its_pictures_stay_those_with_which_it_was_begun(tmp_path: Path) -> None:
    made, root = job(tmp_path / "vaes", 1), pictures(tmp_path / "p", 3)
    begin(root, made, tmp_path / "o")
    (root / "p000.png").rename(root / "z.png")
    evaluation = begin(root, made, tmp_path / "o")
    compute(evaluation, workers=1)
    assert evaluation.pictures.names(0) == ["p000.png", "p001.png", "p002.png"]
    assert "error" in known(evaluation.results())[0]


def test_a_picture_that_was_changed_in_between_is_measured_anew_and_told(tmp_path: Path, in_fours: None) -> None:
    """What was measured of a picture stayed for ever, whatever became of it."""
    made, root = tiny_job(tmp_path / "vaes", size=SIZE), pictures(tmp_path / "p", 6)
    (root / "broken.png").write_bytes(b"nonsense")
    before = begin(root, made, tmp_path / "o")
    compute(before, workers=1)
    measured = known(before.results())
    assert compute(before, workers=1) == 0
    pictures(tmp_path / "others", 3, 40)
    (tmp_path / "others/p000.png").rename(root / "broken.png")
    (tmp_path / "others/p001.png").rename(root / "p001.png")
    again, whole = begin(root, made, tmp_path / "o"), begin(root, made, tmp_path / "whole")
    (root / "p002.png").unlink()  # what was measured of it stays
    assert compute(again, workers=1) == 2 and compute(again, workers=1) == 0
    compute(whole, workers=1)
    now, anew = summarized(again), summarized(whole)
    assert now.changed == 2 and now.broken == 0 and "2 of 7 pictures were changed" in as_text(now)
    latest = {line["picture"]: line for line in again.results().lines()}
    fresh = {line["picture"]: line for line in known(whole.results())}
    assert [picture for picture in range(7) if latest[picture] != fresh[picture]] == [3]  # the one that has gone
    assert latest[3] == measured[3] and anew.broken == 1


def test_what_was_measured_of_a_changed_picture_no_longer_counts(tmp_path: Path) -> None:
    made, root = tiny_job(tmp_path / "vaes", size=SIZE), pictures(tmp_path / "p", 2)
    evaluation = begin(root, made, tmp_path / "o")
    compute(evaluation, workers=1)
    (root / "p000.png").write_bytes(b"nonsense")

    def cancel(_fraction: float, what: str) -> None:
        if what.startswith("1 of 2"):
            raise Cancelled

    with pytest.raises(Cancelled):
        compute(evaluation, workers=1, progress=cancel)
    stopped = summarized(evaluation)
    assert (stopped.missing, stopped.rows[0].measures["psnr"].count) == (1, 1)
    compute(evaluation, workers=1)
    assert (summarized(evaluation).broken, summarized(evaluation).rows[0].measures["psnr"].count) == (1, 1)


def test_a_folder_that_vanishes_ends_it_and_nothing_is_lost(tmp_path: Path, in_fours: None) -> None:
    """A disk that was taken away left a hundred thousand pictures that "could not be read", for ever."""
    made, root = tiny_job(tmp_path / "vaes", size=SIZE), pictures(tmp_path / "p", 20)
    evaluation = begin(root, made, tmp_path / "o")

    def take_away(fraction: float, _what: str) -> None:
        if fraction and root.exists():
            root.rename(tmp_path / "away")

    with pytest.raises(InvalidInput, match=r"p is no longer there.*what was done is kept"):
        compute(evaluation, workers=1, progress=take_away)
    lines = known(evaluation.results())
    assert lines and len(lines) < 20 and not any("error" in line for line in lines)
    (tmp_path / "away").rename(root)
    compute(evaluation, workers=1)
    assert len(known(evaluation.results())) == 20 and summarized(evaluation).changed == 0


def test_a_vae_that_cannot_be_run_fails_alone(tmp_path: Path) -> None:
    made, root = job(tmp_path / "vaes", 1), pictures(tmp_path / "p", 1)
    gone = Candidate("gone.pt", tmp_path / "gone.pt")
    evaluation = begin(root, replace(made, vaes=(gone, *made.vaes)), tmp_path / "o")
    assert list(evaluation.unusable) == [0] and "gone.pt" in evaluation.unusable[0]
    compute(evaluation, workers=1)
    assert [line["vae"] for line in known(evaluation.results())] == [1]
    with pytest.raises(InvalidInput, match=r"gone\.pt"):
        begin(root, replace(made, vaes=(gone,)), tmp_path / "other")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda made: replace(made, vaes=()), "No VAE"),
        (lambda made: replace(made, size=2), "at least 8"),
        (lambda made: replace(made, encoder=Candidate("gone.pt", "gone.pt")), "gone.pt"),
    ],
)
def test_what_cannot_be_done_leaves_nothing_behind(tmp_path: Path, change: Callable[[Job], Job], sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        begin(pictures(tmp_path / "p", 1), change(job(tmp_path / "vaes", 1)), tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_folder_without_pictures_is_told_and_can_be_filled(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    made = job(tmp_path / "vaes", 1)
    with pytest.raises(InvalidInput, match="no pictures"):
        begin(tmp_path / "p", made, tmp_path / "o")
    Image.new("RGB", (SIZE, SIZE)).save(tmp_path / "p/p.png")
    assert begin(tmp_path / "p", made, tmp_path / "o").pictures.count == 1


def test_memory_does_not_grow_with_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the pictures of two batches are read at a time."""
    made, root = replace(job(tmp_path / "vaes", 1), batch=2), pictures(tmp_path / "p", 10)
    evaluation = begin(root, made, tmp_path / "o")
    evaluation = Evaluation(evaluation.folder, replace(evaluation.job, batch=2), evaluation.pictures, {})
    given: list[int] = []

    def counted() -> Iterator[Batch]:
        for number in range(5):
            given.append(number)
            yield Batch(
                2 * number, tuple(f"p{2 * number + one:03}.png" for one in range(2)), tuple(evaluation.columns), (0, 0)
            )

    ahead: list[int] = []
    lines: list[Line] = []
    for done, found in enumerate(evaluate_batches(evaluation.job, counted()), start=1):
        ahead.append(len(given) - done)
        lines += found
    assert max(ahead) <= 1 and len(lines) == 10


def test_two_programs_do_not_do_everything_twice(tmp_path: Path) -> None:
    made, root = job(tmp_path / "vaes", 1), pictures(tmp_path / "p", 1)
    evaluation = begin(root, made, tmp_path / "o")
    with locked(tmp_path / "o"), pytest.raises(InUse, match="is being worked on by another process"):
        compute(evaluation, workers=1)
    assert not (tmp_path / "o/results.jsonl").exists()
    assert compute(evaluation, workers=1) == 1


def test_lpips_that_cannot_be_had_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is there but its weights are not, or not the torchvision that belongs to torch, nothing worked."""
    monkeypatch.setitem(sys.modules, "lpips", None)  # as if it were not installed
    made, root = replace(job(tmp_path / "vaes", 1), lpips=True), pictures(tmp_path / "p", 1)
    evaluation = begin(root, made, tmp_path / "o")
    compute(evaluation, workers=1)
    assert "LPIPS is not measured: LPIPS is not installed" in as_text(summarized(evaluation))
    assert begin(root, made, tmp_path / "o").job == begin(root, replace(made, lpips=False), tmp_path / "o").job


def test_workers_need_neither_the_main_module_nor_the_path(tmp_path: Path) -> None:
    """In the web UI the main module is the web UI: each worker would have begun to start another one. And it takes an
    extension's folder off the path again: each worker ended at its first import, and nothing was measured."""
    made, root = tiny_job(tmp_path / "vaes", size=SIZE), pictures(tmp_path / "p", 1)
    script = tmp_path / "main.py"
    script.write_text(
        f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.evaluate.compute import compute
from vae_workbench.evaluate.evaluation import begin
from vae_workbench.evaluate.job import Job
print("begun", flush=True)
vae = Candidate("v", Path({str(made.vaes[0].path)!r}))
evaluation = begin(Path({str(root)!r}), Job("", (vae,), size={SIZE}), Path({str(tmp_path / "o")!r}))
sys.path.remove({str(ROOT)!r})
print(compute(evaluation, apart=True))
"""
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert (ran.returncode, ran.stdout.split()) == (0, ["begun", "1"]), ran.stderr
