"""VAEs that overflow in fp16, rescaled in the file: other programs run them in fp16."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.edit.files import made, saved
from tests.host_vaes import LdmVae, enlarged, overflowing, shallow_kl
from tests.identity.files import TAESD, cast, save
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.edit.save import Saved
from vae_workbench.edit.steps.fp16_safe import Fp16Safe
from vae_workbench.edit.steps.rename import Rename
from vae_workbench.errors import InvalidInput

LATENTS = torch.randn(1, 4, 12, 12, generator=torch.Generator().manual_seed(3))


def pictures_of(tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
    with torch.inference_mode():
        return load_autoencoder(tensors, dtype=dtype).decode(LATENTS.to(dtype)).float()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Of a decoder that overflows, made once: runs in fp16 are slow on a CPU."""
    return saved(save(tmp_path_factory.mktemp("fp16-safe") / "vae.safetensors", overflowing()), Fp16Safe())


def test_a_decoder_that_overflows(result: Saved) -> None:
    before = overflowing()
    assert not pictures_of(before, torch.float16).isfinite().all()
    after = load_file(result.path)
    assert any("decoder overflowed in fp16" in note for note in result.notes)
    assert any("encoder runs in fp16 as it is" in note for note in result.notes)
    exact = pictures_of(before, torch.float32)
    own = (pictures_of(shallow_kl(), torch.float16) - pictures_of(shallow_kl(), torch.float32)).norm()
    assert (pictures_of(after, torch.float16) - exact).norm() <= 2 * own
    assert (pictures_of(after, torch.float32) - exact).norm() <= 1e-4 * exact.norm()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(
        torch.equal(before[name].frexp()[0], after[name].frexp()[0]) for name in changed
    )  # exponents only


def test_the_web_ui_runs_it(result: Saved) -> None:
    after = load_file(result.path)
    with torch.inference_mode():
        assert LdmVae(after).decode(LATENTS.half()).isfinite().all()


def test_an_encoder_that_overflows_and_given_inputs(tmp_path: Path) -> None:
    source = save(tmp_path / "vae.safetensors", overflowing("encoder"))
    picture = torch.rand(1, 3, 33, 40, generator=torch.Generator().manual_seed(4)) * 2 - 1
    result = saved(source, Fp16Safe((picture,), (LATENTS,)))
    assert any("encoder overflowed in fp16" in note for note in result.notes)
    with torch.inference_mode():
        assert (
            load_autoencoder(load_file(result.path), dtype=torch.float16)
            .encode(picture[..., :32, :32])
            .isfinite()
            .all()
        )


def test_diffusers_runs_it(result: Saved) -> None:
    diffusers = pytest.importorskip("diffusers")
    path = made(result.path, Rename("diffusers"))
    theirs = diffusers.AutoencoderKL(
        block_out_channels=[32, 64],
        layers_per_block=1,
        latent_channels=4,
        down_block_types=["DownEncoderBlock2D", "AttnDownEncoderBlock2D"],
        up_block_types=["AttnUpDecoderBlock2D", "UpDecoderBlock2D"],
    )
    theirs.load_state_dict(load_file(path))
    with torch.no_grad():
        picture = theirs.half().decode(LATENTS.half()).sample.float()
    exact = pictures_of(overflowing(), torch.float32)
    assert (picture - exact).norm() <= 0.01 * exact.norm()


def test_one_that_runs_as_it_is_stays(tmp_path: Path) -> None:
    result = saved(save(tmp_path / "vae.safetensors", shallow_kl()), Fp16Safe())
    assert all(torch.equal(value, shallow_kl()[name]) for name, value in load_file(result.path).items())


def test_an_activation_that_nothing_scales_is_refused(tmp_path: Path) -> None:
    tensors = shallow_kl()
    tensors["decoder.norm_out.weight"] = tensors["decoder.norm_out.weight"] * 1e6
    source = save(tmp_path / "vae.safetensors", tensors)
    with pytest.raises(InvalidInput, match=r"decoder of vae.safetensors cannot be made safe for fp16"):
        made(source, Fp16Safe())
    assert list(tmp_path.iterdir()) == [source]


def test_one_that_gives_no_numbers_at_all_is_refused(tmp_path: Path) -> None:
    tensors = shallow_kl() | {"decoder.conv_in.bias": torch.full((64,), float("nan"))}
    with pytest.raises(InvalidInput, match="gives no finite numbers in fp32 either"):
        made(save(tmp_path / "vae.safetensors", tensors), Fp16Safe())


def test_one_that_gives_nothing_at_all_is_refused(tmp_path: Path) -> None:
    """A half-downloaded file, zeros from some place on, ended in a division by zero."""
    tensors = {name: torch.zeros_like(value) for name, value in shallow_kl().items()}
    with pytest.raises(InvalidInput, match=r"encoder of vae\.safetensors gives nothing but zeros"):
        made(save(tmp_path / "vae.safetensors", tensors), Fp16Safe())


def test_a_file_in_fp16(tmp_path: Path) -> None:
    """A file in fp16 whose activations are too large, though its weights are not."""
    before = cast(enlarged(shallow_kl(), "decoder.up.0.block.0.conv1", 12), torch.float16)
    after = load_file(made(save(tmp_path / "vae.safetensors", before), Fp16Safe()))
    assert {value.dtype for value in after.values()} == {torch.float16}
    assert pictures_of(after, torch.float16).isfinite().all()


@pytest.mark.skipif(not TAESD.exists(), reason="the published files are not there")
def test_a_tiny_one_has_nothing_to_overflow(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="tiny autoencoder"):
        made(TAESD / "taesd_decoder.safetensors", Fp16Safe(), target=tmp_path / "o.safetensors")
