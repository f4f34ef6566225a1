"""Which files hold the same VAE."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.identity.files import cast, checkpoint, save, small_kl
from vae_workbench.edit.copies import copies_among


def test_the_most_precise_of_each_comes_first(tmp_path: Path) -> None:
    half = cast(small_kl(0), torch.float16)
    paths = [
        save(tmp_path / "a.safetensors", checkpoint("sd1", half)),
        save(tmp_path / "none.safetensors", checkpoint("sd1", {})),
        save(tmp_path / "b.safetensors", checkpoint("sd1", small_kl(1))),
        save(tmp_path / "c.ckpt", checkpoint("sd1", small_kl(0)), "torch-zip"),
        tmp_path / "missing.safetensors",
    ]
    copies = copies_among(paths)
    found = [[Path(path).name for path in one.paths] for one in copies]
    assert found == [["c.ckpt", "a.safetensors"], ["none.safetensors"], ["b.safetensors"], ["missing.safetensors"]]
    assert [one.is_vae for one in copies] == [True, False, True, False]
