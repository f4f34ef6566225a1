"""The check of a file: what it foresees, on what it looks, and that it can be stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.host_vaes import overflowing, shallow_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.errors import Cancelled, InvalidInput
from vae_workbench.library.file_check import FileCheck, check_file
from vae_workbench.precision.plan import Precision


def checked(folder: Path, tensors: dict[str, Tensor], **given: Tensor) -> FileCheck:
    path = folder / "vae.safetensors"
    save_file(tensors, path)
    return check_file(path, **given)


def with_nan(name: str) -> dict[str, Tensor]:
    tensors = {**shallow_kl()}
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    return tensors


@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_each_half_is_told_apart(tmp_path: Path, half: str) -> None:
    found = checked(tmp_path, overflowing("encoder" if half == "encoder" else "decoder"))
    assert found.damaged == ()
    assert {check.half: check.needs for check in found.halves} == {
        "encoder": Precision.RESCALED if half == "encoder" else Precision.FP16,
        "decoder": Precision.RESCALED if half == "decoder" else Precision.FP16,
    }


def test_the_decoder_gets_what_the_encoder_makes_of_the_picture(tmp_path: Path) -> None:
    picture = torch.rand(1, 3, 37, 50, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = checked(tmp_path, shallow_kl(), picture=picture)
    latents = load_autoencoder(shallow_kl()).encode(picture[..., :36, :])
    alone = checked(tmp_path, shallow_kl(), latents=latents)
    assert [check.half for check in alone.halves] == ["decoder"]
    assert found.halves[1] == alone.halves[0]


def test_a_broken_encoder_is_not_laid_at_the_decoders_door(tmp_path: Path) -> None:
    found = checked(tmp_path, with_nan("encoder.conv_in.bias"))
    assert found.damaged == ("encoder.conv_in.bias",)
    assert [check.not_finite_at for check in found.halves] == ["encoder.conv_in", None]


def test_a_decoder_alone(tmp_path: Path) -> None:
    decoder = {name: value for name, value in shallow_kl().items() if name.startswith(("decoder", "post"))}
    assert [check.half for check in checked(tmp_path, decoder).halves] == ["decoder"]


def test_a_tiny_autoencoder_cannot_overflow(tmp_path: Path) -> None:
    tiny = TinyAutoencoder(TinyShape(4, width=32)).state_dict()
    with pytest.raises(InvalidInput, match="nothing to check"):
        checked(tmp_path, dict(tiny))


@pytest.mark.parametrize("where", ["Checking ", "reading", "encoding, ", "decoding, "])
def test_it_can_be_stopped_everywhere(tmp_path: Path, where: str) -> None:
    save_file(shallow_kl(), tmp_path / "vae.safetensors")
    told: list[float] = []

    def stop(fraction: float, what: str) -> None:
        told.append(fraction)
        if what.startswith(where):
            raise Cancelled

    with pytest.raises(Cancelled):
        check_file(tmp_path / "vae.safetensors", progress=stop)
    assert told == sorted(told)


def test_weights_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    """Quantised weights, without their scales, were run as if they were the weights, and "needed fp32"."""
    quantised = {name: (value * 50).to(torch.int8) for name, value in shallow_kl().items()}
    with pytest.raises(InvalidInput, match=r"vae.safetensors cannot be used: the numbers of .* are of the format I8"):
        checked(tmp_path, quantised)


def test_a_half_of_zeros_is_told(tmp_path: Path) -> None:
    """A file that was downloaded in part was told to run in fp16, with endless headroom, and nothing else."""
    found = checked(tmp_path, {n: v * (not n.startswith("decoder.")) for n, v in shallow_kl().items()})
    assert found.damaged == () and "downloaded in part" in " ".join(found.warnings)
    assert checked(tmp_path, shallow_kl()).warnings == ()
