"""Files that can be read and are not whole all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.identity.files import Tensors, checkpoint, save, small_kl
from vae_workbench.identity.examine import examine
from vae_workbench.identity.identify import identify
from vae_workbench.identity.unfinished import NOTES


def with_zeros(*names: str) -> Tensors:
    return {name: torch.zeros_like(tensor) if name in names else tensor for name, tensor in small_kl().items()}


@pytest.mark.parametrize("container", ["safetensors", "torch-zip", "torch-legacy"])
def test_a_whole_vae_is_not_warned_of(tmp_path: Path, container: str) -> None:
    biases = [name for name in small_kl() if name.endswith(".bias")]
    assert identify(save(tmp_path / "m", with_zeros(*biases), container)).warnings == ()


def test_a_file_whose_second_half_was_never_downloaded(tmp_path: Path) -> None:
    """A downloader makes the whole file at once and fills it: where it stopped there are zeros, which can be read."""
    path = save(tmp_path / "m.safetensors", small_kl())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    verdict = identify(path)
    assert verdict.kind == "vae"
    assert len(verdict.warnings) == 1 and "downloaded in part" in verdict.warnings[0]
    assert "quant_conv.weight in the file" in verdict.warnings[0], "the last of the file in the order of names"


def test_a_stretch_in_the_middle(tmp_path: Path) -> None:
    path = save(tmp_path / "m.safetensors", small_kl())
    content = path.read_bytes()
    third = len(content) // 3
    path.write_bytes(content[:third] + bytes(third) + content[2 * third :])
    assert "downloaded in part" in identify(path).warnings[0]


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("decoder.conv_out.weight", "every picture would be of one colour"),
        ("decoder.mid.block_1.conv1.weight", "its pictures will be wrong"),
        ("encoder.norm_out.weight", "its pictures will be wrong"),
    ],
)
def test_one_layer_of_zeros(tmp_path: Path, name: str, follows: str) -> None:
    """It was called healthy."""
    told = f"{name} holds nothing but zeros, as no trained layer does: {follows}."
    assert identify(save(tmp_path / "m", with_zeros(name))).warnings == (told,)
    inside = identify(save(tmp_path / "c", checkpoint("sd1", with_zeros(name)))).warnings
    assert inside == (f"On the VAE inside: {told}",)


def test_neighbouring_zeros_are_no_dead_layer(tmp_path: Path) -> None:
    """The sketch sees 16 neighbouring values of a layer; those may be zero in one that is not."""
    tensors = with_zeros("decoder.conv_in.weight", "decoder.conv_out.weight")
    for name in ("decoder.conv_in.weight", "decoder.conv_out.weight"):
        tensors[name].view(-1)[-1] = 1.0
    path = save(tmp_path / "m", tensors)
    sketch = examine(path).sketch
    assert sketch is not None and identify(path).warnings == ()


def test_nothing_but_zeros(tmp_path: Path) -> None:
    verdict = identify(save(tmp_path / "m", with_zeros(*small_kl())))
    assert verdict.warnings[0].startswith("It holds nothing but zeros")


@pytest.mark.parametrize("ending", NOTES)
def test_the_note_of_a_downloader(tmp_path: Path, ending: str) -> None:
    vae, model = tmp_path / "vae.safetensors", tmp_path / "model.ckpt"
    save(vae, small_kl())
    save(model, checkpoint("sd1", small_kl()), "torch-zip")
    (tmp_path / "broken.safetensors").write_bytes(bytes(100))
    for path in (vae, model, tmp_path / "broken.safetensors"):
        assert identify(path).warnings == ()
        (tmp_path / (path.name + ending)).write_bytes(b"")
        assert f"{path.name}{ending} beside it" in identify(path).warnings[0]
