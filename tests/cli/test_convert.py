from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.cli.files import Output, refused, told
from tests.edit.files import same
from tests.identity.files import cast, in_diffusers_names, save, small_kl
from vae_workbench.cli.main import main


def test_names_and_precision(tmp_path: Path, capsys: Output) -> None:
    source, out = save(tmp_path / "vae.ckpt", small_kl(), "torch-zip"), tmp_path / "out.safetensors"
    result = told(capsys, "convert", source, "--names", "diffusers", "--dtype", "fp16", "--out", out)
    assert same(load_file(out), cast(in_diffusers_names(small_kl()), torch.float16))
    assert result["written"] and result["file"] == str(out) and result["tensors"] == len(small_kl())
    assert result["done"] == [{"step": "names", "names": "diffusers"}, {"step": "dtype", "dtype": "fp16"}]


def test_many_into_a_folder_and_one_that_fails_alone(tmp_path: Path, capsys: Output) -> None:
    sources = [save(tmp_path / f"{seed}.pt", small_kl(seed), "torch-zip") for seed in (0, 1)]
    folder = tmp_path / "out"
    folder.mkdir()
    results = told(capsys, "convert", *sources, tmp_path / "missing.pt", "--out", folder, code=2)
    assert [sorted(result) == ["error", "source"] for result in results] == [False, False, True]
    assert same(load_file(folder / "1.safetensors"), small_kl(1)) and len(list(folder.iterdir())) == 2


def test_a_trial_writes_nothing(tmp_path: Path, capsys: Output) -> None:
    source = save(tmp_path / "vae.pt", small_kl(), "torch-zip")
    assert main(["convert", str(source), "--dry-run"]) == 0
    assert "vae.pt: nothing was written" in capsys.readouterr().out and list(tmp_path.iterdir()) == [source]


def test_force(tmp_path: Path, capsys: Output) -> None:
    source, out = save(tmp_path / "vae.pt", small_kl(), "torch-zip"), save(tmp_path / "o.safetensors", small_kl(1))
    assert "or use --force" in refused(capsys, "convert", source, "--out", out)
    assert told(capsys, "convert", source, "--out", out, "--force")["written"] and same(load_file(out), small_kl())


def test_what_cannot_be(tmp_path: Path, capsys: Output) -> None:
    source = save(tmp_path / "vae.safetensors", small_kl())
    other = save(tmp_path / "vae.pt", small_kl(), "torch-zip")
    assert "It is not said where to write" in refused(capsys, "convert", source)
    assert "is the file that is read" in refused(capsys, "convert", source, "--out", source, "--force")
    assert "is no folder" in refused(capsys, "convert", source, other, "--out", tmp_path / "x.safetensors")
    assert "--allow-loss is for --dtype" in refused(capsys, "convert", source, "--allow-loss", "--dry-run")
    assert "does not end in .safetensors" in refused(capsys, "convert", source, "--out", tmp_path / "x.ckpt")


def test_files_of_one_name_get_numbers(tmp_path: Path, capsys: Output) -> None:
    sources = [save(tmp_path / "vae.pt", small_kl(), "torch-zip"), save(tmp_path / "VAE.safetensors", small_kl(1))]
    (tmp_path / "d").mkdir()
    made = [Path(each["file"]).name for each in told(capsys, "convert", *sources, "--out", tmp_path / "d")]
    assert made == ["vae.safetensors", "VAE-2.safetensors"]
    assert same(load_file(tmp_path / "d" / "VAE-2.safetensors"), small_kl(1))
