from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from tests.cli.files import Output, refused, told
from tests.host_vaes import overflowing
from tests.identity.files import save


def test_with_given_latents_and_pictures(tmp_path: Path, capsys: Output) -> None:
    source = save(tmp_path / "v.safetensors", overflowing())
    save_file({"latents": torch.randn(1, 4, 8, 8)}, tmp_path / "l.safetensors")
    Image.effect_noise((40, 32), 60).convert("RGB").save(tmp_path / "p.png")
    given = ["--latents", tmp_path / "l.safetensors", "--picture", tmp_path / "p.png"]
    result = told(capsys, "fp16-safe", source, *given, "--out", tmp_path / "safe.safetensors")
    assert result["done"][-1]["exponents"]["decoder"] and any("no longer does" in note for note in result["notes"])
    save_file({"w": torch.zeros(1)}, tmp_path / "w.safetensors")
    assert "holds no latents" in refused(
        capsys, "fp16-safe", source, "--latents", tmp_path / "w.safetensors", "--dry-run"
    )
