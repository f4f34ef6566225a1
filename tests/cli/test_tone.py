from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.cli.files import Output, refused, told
from tests.edit.files import same
from tests.identity.files import checkpoint, save, small_kl
from vae_workbench.edit.adjust import ColourChange


@pytest.mark.parametrize(
    ("arguments", "change"),
    [
        (["--saturation", 1.2, "--hue", -20], ColourChange.of(saturation=1.2, hue=-20)),
        (
            ["--preset", "sepia", "--brightness", 0.1],
            ColourChange.of(matrix=(0.393, 0.769, 0.189, 0.349, 0.686, 0.168, 0.272, 0.534, 0.131), brightness=0.1),
        ),
        (["--matrix", "0 1 0, 1 0 0, 0 0 1"], ColourChange.of(matrix=(0, 1, 0, 1, 0, 0, 0, 0, 1))),
        (["--matrix", "1 0 0 0 1 0 0 0 1 .1 0 -.1"], ColourChange(torch.eye(3), torch.tensor([0.1, 0, -0.1]))),
    ],
)
def test_the_matrix_that_is_asked_for(
    tmp_path: Path, capsys: Output, arguments: list[object], change: ColourChange
) -> None:
    source, out = save(tmp_path / "v.safetensors", small_kl()), tmp_path / "toned.safetensors"
    done = told(capsys, "tone", source, *arguments, "--out", out)["done"][-1]
    assert torch.allclose(torch.tensor(done["matrix"]), change.matrix.float(), atol=1e-6)
    assert torch.allclose(torch.tensor(done["offset"]), change.offset.float(), atol=1e-6)
    told(capsys, "tone", out, "--undo", "--out", tmp_path / "undone.safetensors")
    assert same(load_file(tmp_path / "undone.safetensors"), small_kl())


def test_out_of_a_checkpoint(tmp_path: Path, capsys: Output) -> None:
    source = save(tmp_path / "c.safetensors", checkpoint("sd1", small_kl()))
    done = told(capsys, "tone", source, "--contrast", 1.1, "--out", tmp_path / "t.safetensors")["done"]
    assert [step["step"] for step in done] == ["extract", "tone"]


def test_what_cannot_be(tmp_path: Path, capsys: Output) -> None:
    source = save(tmp_path / "v.safetensors", small_kl())
    assert "No change of colours is asked for" in refused(capsys, "tone", source, "--dry-run")
    assert "is no matrix" in refused(capsys, "tone", source, "--matrix", "1 2 3", "--dry-run")
    assert "There is no preset" in refused(capsys, "tone", source, "--preset", "loud", "--dry-run")
    assert "and nothing else at once" in refused(capsys, "tone", source, "--undo", "--hue", 3, "--dry-run")
    assert "is no gamma" in refused(capsys, "tone", source, "--gamma", 0, "--dry-run")
    assert "does not say that it was toned" in refused(capsys, "tone", source, "--undo", "--dry-run")
