from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file

from tests.cli.files import Output, refused, told
from tests.edit.files import same
from tests.identity.files import prefixed, save, small_kl
from vae_workbench.cli.main import main


def test_told_before_anything_is_written(tmp_path: Path, capsys: Output) -> None:
    source, out = save(tmp_path / "v.safetensors", prefixed(small_kl(), "module.")), tmp_path / "r.safetensors"
    tried = told(capsys, "repair", source, "--dry-run")
    assert not tried["written"] and "names are not those that the web UI reads" in tried["notes"][0]
    assert told(capsys, "repair", source, "--out", out)["notes"] == tried["notes"]
    assert same(load_file(out), small_kl())


def test_sound_and_hopeless_ones(tmp_path: Path, capsys: Output) -> None:
    source = save(tmp_path / "v.safetensors", small_kl())
    assert main(["repair", str(source), "--out", str(tmp_path / "r.safetensors")]) == 0
    assert "it needs no repair" in capsys.readouterr().out and not (tmp_path / "r.safetensors").exists()
    hurt = {name: value for name, value in small_kl().items() if "norm_out" not in name}
    assert "cannot be repaired" in refused(capsys, "repair", save(tmp_path / "h.safetensors", hurt), "--dry-run")
