from __future__ import annotations

from pathlib import Path

from tests.cli.files import Output, refused, told
from tests.identity.files import save, small_kl


def test_the_look_of_another(tmp_path: Path, capsys: Output) -> None:
    source, like = save(tmp_path / "v.safetensors", small_kl()), tmp_path / "like.safetensors"
    told(capsys, "tone", source, "--saturation", 1.5, "--out", like)
    more = ["--source", "builtin:gradients", "builtin:colours", "--size", 64, "--out", tmp_path / "m.safetensors"]
    matched, toned = told(capsys, "match", source, "--like", like, *more)["done"]
    assert (
        matched["like"] == "like.safetensors" and matched["after"] < 0.1 < matched["before"] and toned["step"] == "tone"
    )
    assert "There is no built-in picture" in refused(
        capsys, "match", source, "--like", like, "--source", "builtin:x", "--dry-run"
    )
