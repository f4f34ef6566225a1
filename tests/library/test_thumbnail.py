"""What each VAE makes of the same latent."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.errors import Cancelled, InvalidInput, MissingHalf, UnknownArchitecture
from vae_workbench.library.thumbnail import CHECKS, SIDE, TEST_LATENTS, chart_and_latents, thumbnail

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo" / "demo-vae-sd1.safetensors"
TAESD = Path(os.environ.get("VAEWB_SHARED") or ROOT.parent / "shared") / "data" / "taesd"

needs_taesd = pytest.mark.skipif(not TAESD.exists(), reason=f"TAESD is not in {TAESD}")


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (SIDE, SIDE))
        return np.asarray(image).astype(int)


def chart() -> np.ndarray:
    return chart_and_latents()["picture"][0].permute(1, 2, 0).numpy().astype(int)


def closeness(image: np.ndarray) -> float:
    """PSNR with the chart, in dB."""
    return float(10 * np.log10(255**2 / ((image - chart()) ** 2).mean()))


def test_networks_that_are_not_for_rgb_are_refused_in_words(tmp_path: Path) -> None:
    tensors = small_kl()
    tensors["decoder.conv_out.weight"], tensors["decoder.conv_out.bias"] = torch.zeros(4, 32, 3, 3), torch.zeros(4)
    save_file(tensors, tmp_path / "v.safetensors")
    with pytest.raises(InvalidInput, match="not for RGB pictures"):
        thumbnail(tmp_path / "v.safetensors", "sd1")


def test_the_latents_are_small_and_of_the_right_form() -> None:
    assert TEST_LATENTS.stat().st_size <= 100_000
    with safe_open(TEST_LATENTS, "pt") as file:
        assert "TAESD (MIT" in file.metadata()["source"]
    latents = {name: tuple(tensor.shape) for name, tensor in chart_and_latents().items() if name != "picture"}
    assert latents == {name: (1, LATENT_SPACES[name].channels, 16, 16) for name in ("sd1", "sdxl", "sd3", "flux1")}


@needs_taesd
def test_the_latents_are_those_that_the_script_makes() -> None:
    from demo.chart import chart as drawn
    from demo.chart import latents

    picture = drawn()
    assert np.abs(picture.astype(int) - chart()).max() <= 2, "libraries may scale a photo a little differently"
    for name, latent in latents(chart().astype(np.uint8), TAESD).items():
        assert torch.allclose(latent.float(), chart_and_latents()[name], rtol=2e-2, atol=2e-2), name


@needs_taesd
@pytest.mark.parametrize(
    ("decoder", "space"), [("taesd", "sd1"), ("taesdxl", "sdxl"), ("taesd3", "sd3"), ("taef1", "flux1")]
)
def test_the_decoder_of_its_latent_space_draws_the_chart(decoder: str, space: str) -> None:
    assert closeness(pixels(thumbnail(TAESD / f"{decoder}_decoder.safetensors", space))) > 15


@needs_taesd
def test_the_decoder_of_another_latent_space_does_not() -> None:
    path = TAESD / "taesd_decoder.safetensors"
    assert closeness(pixels(thumbnail(path, "sd1"))) > closeness(pixels(thumbnail(path, "sdxl"))) + 3


@pytest.mark.parametrize("space", ["sd1", None, "flux2"])
def test_a_whole_vae_draws_the_chart_even_where_its_space_is_not_told(space: str | None) -> None:
    """The demo VAE has 4 channels; without a latent of its space it encodes the chart itself."""
    assert closeness(pixels(thumbnail(DEMO, space))) > 15


def test_the_same_file_gives_the_same_picture_and_others_another(tmp_path: Path) -> None:
    one, other = (save_small_kl(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2))
    assert thumbnail(one, "sd1") == thumbnail(one, "sd1") != thumbnail(other, "sd1")


@pytest.mark.parametrize("channels", [3, 8, 32])
def test_any_number_of_latent_channels(tmp_path: Path, channels: int) -> None:
    path = save_small_kl(tmp_path / "v.safetensors", latent_channels=channels)
    assert pixels(thumbnail(path, None)).std() > 1


def test_what_is_not_a_number_is_checked(tmp_path: Path) -> None:
    tensors = small_kl()
    tensors["decoder.conv_out.bias"] = torch.tensor([0.0, float("nan"), 0.0])
    save_file(tensors, tmp_path / "nan.safetensors")
    colours, counts = np.unique(
        pixels(thumbnail(tmp_path / "nan.safetensors", "sd1")).reshape(-1, 3), axis=0, return_counts=True
    )
    assert {tuple(colour) for colour in colours.tolist()} == set(CHECKS)
    assert counts.tolist() == [SIDE * SIDE / 2] * 2


def test_a_decoder_alone_needs_a_test_latent(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in small_kl().items() if name.startswith(("decoder.", "post_quant"))}
    save_file(tensors, tmp_path / "decoder.safetensors")
    assert pixels(thumbnail(tmp_path / "decoder.safetensors", "sd1")).std() > 1
    with pytest.raises(MissingHalf, match="decoder only"):
        thumbnail(tmp_path / "decoder.safetensors", None)


def test_an_encoder_alone_draws_nothing(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in small_kl().items() if name.startswith(("encoder.", "quant"))}
    save_file(tensors, tmp_path / "encoder.safetensors")
    with pytest.raises(MissingHalf, match="encoder only"):
        thumbnail(tmp_path / "encoder.safetensors", "sd1")


def test_what_is_not_for_rgb_pictures_is_told(tmp_path: Path) -> None:
    """A decoder of 12 channels, which enlarges pictures, ended the drawing of all thumbnails."""
    tensors = small_kl()
    for layer in ("decoder.conv_out.weight", "decoder.conv_out.bias"):
        tensors[layer] = tensors[layer].repeat_interleave(4, 0)
    save_file(tensors, tmp_path / "enlarges.safetensors")
    with pytest.raises(InvalidInput, match="is not for RGB pictures"):
        thumbnail(tmp_path / "enlarges.safetensors", None)


def test_what_is_no_vae_is_told(tmp_path: Path) -> None:
    save_file({"lora.weight": torch.zeros(2)}, tmp_path / "lora.safetensors")
    with pytest.raises(UnknownArchitecture, match=r"lora\.safetensors cannot be used"):
        thumbnail(tmp_path / "lora.safetensors", None)


def test_it_can_be_cancelled_within_the_picture() -> None:
    def stop(fraction: float, what: str) -> None:
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        thumbnail(DEMO, "sd1", progress=stop)
