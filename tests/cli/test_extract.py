from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.cli.files import Output, refused, told
from tests.edit.files import same
from tests.identity.files import cast, checkpoint, save, small_kl
from vae_workbench.cli.main import main


def test_copies_are_skipped(tmp_path: Path, capsys: Output) -> None:
    half = cast(small_kl(0), torch.float16)
    sources = [
        save(tmp_path / "a.safetensors", checkpoint("sd1", half)),
        save(tmp_path / "b.safetensors", checkpoint("sd1", small_kl(1))),
        save(tmp_path / "c.ckpt", checkpoint("sd1", small_kl(0)), "torch-zip"),
    ]
    folder = tmp_path / "out"
    folder.mkdir()
    assert main(["extract", *map(str, sources), "--out", str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 files hold 2 VAEs.\na.safetensors: the same VAE as in c.ckpt.\n")
    assert sorted(path.name for path in folder.iterdir()) == ["b.vae.safetensors", "c.vae.safetensors"]
    assert same(load_file(folder / "c.vae.safetensors"), small_kl(0))


def test_one(tmp_path: Path, capsys: Output) -> None:
    source, out = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl())), tmp_path / "vae.safetensors"
    assert told(capsys, "extract", source, "--out", out)["done"] == [{"step": "extract", "from": "c.safetensors"}]
    bare = save(tmp_path / "bare.safetensors", checkpoint("sd1", {}))
    assert "bare.safetensors holds no VAE" in refused(capsys, "extract", bare, "--out", tmp_path / "x.safetensors")


def test_checkpoints_without_a_vae_are_not_counted_as_vaes(tmp_path: Path, capsys: Output) -> None:
    full = save(tmp_path / "full.safetensors", checkpoint("sd1", small_kl()))
    bare = save(tmp_path / "bare.safetensors", checkpoint("sd1", {}))
    assert main(["extract", str(full), str(bare), "--dry-run"]) == 2
    out = capsys.readouterr().out
    assert out.startswith("2 files hold 1 VAEs.\n") and "bare.safetensors: bare.safetensors holds no VAE." in out
