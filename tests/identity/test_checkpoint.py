from __future__ import annotations

import pytest

from tests.identity.files import FAMILIES
from vae_workbench.identity.checkpoint import checkpoint_family

Shapes = dict[str, tuple[int, ...]]

SPACES = {"sd1": "sd1", "sd2": "sd1", "sdxl": "sdxl", "sdxl-refiner": "sdxl", "sd3": "sd3", "flux1": "flux1"}
UNET_INPUT = "model.diffusion_model.input_blocks.0.0.weight"


def told(shapes: Shapes) -> tuple[str, str | None]:
    found = checkpoint_family(shapes)
    assert found is not None
    return found.name, found.latent_space


@pytest.mark.parametrize("family", FAMILIES)
def test_families(family: str) -> None:
    assert told(FAMILIES[family]) == (family, SPACES[family])


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl", "sdxl-refiner"])
def test_without_text_encoders_the_width_of_cross_attention_tells(family: str) -> None:
    pruned = {name: shape for name, shape in FAMILIES[family].items() if name.startswith("model.")}
    assert told(pruned) == (family, SPACES[family])
    bare = {name.removeprefix("model.diffusion_model."): shape for name, shape in pruned.items()}
    assert told(bare) == (family, SPACES[family])


def test_small_models_for_tests_are_told_by_their_text_encoders() -> None:
    small = {name: tuple(min(size, 32) for size in shape) for name, shape in FAMILIES["sdxl"].items()}
    assert told(small)[0] == "sdxl"


@pytest.mark.parametrize(("channels", "suffix"), [(4, ""), (9, "-inpaint"), (8, "-pix2pix"), (5, "-depth")])
@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_variants(family: str, channels: int, suffix: str) -> None:
    shapes = FAMILIES[family] | {UNET_INPUT: (320, channels, 3, 3)}
    assert told(shapes) == (family + suffix, SPACES[family])


def test_other_families() -> None:
    upscaler = FAMILIES["sd2"] | {UNET_INPUT: (256, 7, 3, 3)}
    assert told(upscaler) == ("sd-x4-upscaler", None)
    flux2 = FAMILIES["flux1"] | {
        "model.diffusion_model.double_stream_modulation_img.lin.weight": (1, 1),
        "model.diffusion_model.img_in.weight": (6144, 128),
        "model.diffusion_model.final_layer.linear.weight": (128, 6144),
    }
    assert told(flux2) == ("flux2", "flux2")
    video = FAMILIES["flux1"] | {"model.diffusion_model.txt_in.individual_token_refiner.blocks.0.weight": (1,)}
    assert told(video) == ("hunyuan-video", None)
    picture = video | {"model.diffusion_model.img_in.proj.weight": (3584, 64, 1, 1)}
    assert told(picture) == ("hunyuan-image", None)
    assert told({"model.diffusion_model.mystery.weight": (3, 3)}) == ("unknown", None)


@pytest.mark.parametrize(("inputs", "outputs", "channels"), [(16, 0, 16), (32, 32, 32), (33, 16, 16), (8, 8, 8)])
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_unet_that_wants_another_latent(family: str, inputs: int, outputs: int, channels: int) -> None:
    """A UNet that was trained anew for latents of more channels has the text encoders of its family, and counted as one of
    it: a VAE of 4 channels was chosen."""
    shapes = FAMILIES[family] | {UNET_INPUT: (320, inputs, 3, 3)}
    if outputs:
        shapes[UNET_INPUT.replace("input_blocks.0.0", "out.2")] = (outputs, 320, 3, 3)
    found = checkpoint_family(shapes)
    assert found is not None and (found.latent_space, found.latent_channels) == (None, channels)
    assert f"takes latents of {channels} channels and not of 4" in found.reason


@pytest.mark.parametrize(
    ("family", "channels"), [("sd1", 4), ("sd2", 4), ("sdxl", 4), ("sdxl-refiner", 4), ("sd3", 16), ("flux1", 16)]
)
def test_channels_of_the_latent(family: str, channels: int) -> None:
    found = checkpoint_family(FAMILIES[family])
    assert found is not None and found.latent_channels == channels


@pytest.mark.parametrize("inputs", [128, 384])
def test_a_flux_with_a_guiding_picture_or_a_mask(inputs: int) -> None:
    assert told(FAMILIES["flux1"] | {"model.diffusion_model.img_in.weight": (3072, inputs)}) == ("flux1", "flux1")


@pytest.mark.parametrize(
    "name",
    [
        "first_stage_model.decoder.conv_in.weight",
        "lora_unet_mid.lora_up.weight",
        "control_model.input_hint_block.0.weight",
    ],
)
def test_files_without_a_diffusion_model(name: str) -> None:
    assert checkpoint_family({name: (1, 1)}) is None


def test_scalars_where_matrices_belong() -> None:
    assert told(dict.fromkeys(FAMILIES["sd1"], ())) == ("sd1", "sd1")
