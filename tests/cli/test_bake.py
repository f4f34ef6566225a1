from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file

from tests.cli.files import Output, refused, told
from tests.edit.files import same
from tests.identity.files import checkpoint, save, small_kl


def test_into_a_copy(tmp_path: Path, capsys: Output) -> None:
    vae = save(tmp_path / "v.safetensors", small_kl(1))
    into, out = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl(0))), tmp_path / "baked.safetensors"
    assert told(capsys, "bake", vae, "--into", into, "--out", out)["written"]
    assert same(load_file(out), checkpoint("sd1", small_kl(1))) and same(
        load_file(into), checkpoint("sd1", small_kl(0))
    )
    assert "is the file that is read" in refused(capsys, "bake", vae, "--into", into, "--out", into, "--force")
    assert "is no checkpoint" in refused(capsys, "bake", vae, "--into", vae, "--dry-run")
