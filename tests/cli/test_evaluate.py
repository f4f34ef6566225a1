"""``evaluate`` in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.evaluate.small import pictures, tiny_job
from vae_workbench.cli.main import main

Output = pytest.CaptureFixture[str]


def arguments(tmp_path: Path, *more: str) -> list[str]:
    vae = tiny_job(tmp_path / "vaes").vaes[0].path
    root = tmp_path / "p"
    if not root.exists():
        pictures(root, 4)
    return [
        "evaluate",
        str(root),
        "--vae",
        str(vae),
        "--size",
        "32",
        "--out",
        str(tmp_path / "o"),
        "--keep",
        "1",
        *more,
    ]


def test_it_prints_a_table_and_tells_where_all_is(tmp_path: Path, capsys: Output) -> None:
    assert main(arguments(tmp_path)) == 0
    out = capsys.readouterr().out
    assert out.startswith("VAE") and "tiny.safetensors  fp32       4" in out and str(tmp_path / "o") in out


def test_as_json_and_a_sample(tmp_path: Path, capsys: Output) -> None:
    assert (
        main(arguments(tmp_path, "--sample", "3", "--crop", "random", "--dtype", "fp32", "--dtype", "bf16", "--json"))
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["pictures"] == 3 and [row["precision"] for row in told["rows"]] == ["fp32", "bf16"]


def test_a_vae_that_cannot_be_used_is_told_and_the_others_go_on(tmp_path: Path, capsys: Output) -> None:
    assert main(arguments(tmp_path, "--vae", str(tmp_path / "gone.pt"))) == 2
    out = capsys.readouterr().out
    assert "Not evaluated: " in out and "gone.pt" in out and "tiny.safetensors" in out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--workers", "0"], "no number of workers"),
        (["--device", "warp"], "cannot be used"),
        (["--latent-space", "x"], "no latent space"),
        (["--sample", "0"], "at least one picture"),
        (["--encoder", "gone.pt"], "gone.pt"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, capsys: Output, more: list[str], told: str) -> None:
    assert main(arguments(tmp_path, *more)) == 2
    captured = capsys.readouterr()
    assert told in captured.err and not captured.out and not (tmp_path / "o").exists()


def test_another_evaluation_is_not_overwritten(tmp_path: Path, capsys: Output) -> None:
    assert main(arguments(tmp_path)) == 0
    before = (tmp_path / "o/summary.json").read_bytes()
    assert main(arguments(tmp_path, "--seed", "1")) == 2
    assert "another evaluation" in capsys.readouterr().err and (tmp_path / "o/summary.json").read_bytes() == before
