"""Whether a VAE can serve a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.choice.files import C, broken, checkpoint, vae
from tests.identity.files import small_kl
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.choice.fit import ARCHITECTURES, STOCK, defect, misfit, network_fault, vae_traits
from vae_workbench.identity.architecture import recognise as architecture
from vae_workbench.identity.known import known_vaes
from vae_workbench.library.entry import Entry
from vae_workbench.library.places import library_in

WIDE = (128, 256, 512, 512)


def test_every_latent_space_has_its_architecture() -> None:
    rows = {row.name: row for row in architecture.ARCHITECTURES}
    assert ARCHITECTURES.keys() == LATENT_SPACES.keys()
    assert all(space in rows[name].spaces for space, name in ARCHITECTURES.items())


def test_stock_vaes_are_in_the_table_of_known_ones() -> None:
    assert {known.name for known in known_vaes()} >= STOCK


@pytest.mark.parametrize(
    ("model", "file", "fits"),
    [
        (checkpoint(space="sd1"), vae("a", "sd1"), "yes"),
        (checkpoint(space="sd1"), vae("a", None), "yes"),
        (checkpoint(space="sd1"), vae("a", "sdxl", C.CERTAIN), "no"),
        (checkpoint(space="sd1"), vae("a", "sdxl", C.LIKELY), "perhaps"),
        (checkpoint(space="sd1"), vae("a", "sdxl", C.GUESS), "perhaps"),
        (checkpoint(space="sdxl"), vae("a", "sd1", C.CERTAIN), "no"),
        (checkpoint(space="sd1"), vae("a", "sd1", architecture="taesd"), "no"),
        (checkpoint(space="sd1"), vae("a", None, architecture="asymmetric-kl-f8"), "no"),
        (checkpoint(space="sd3"), vae("a", "sd1"), "no"),
        (checkpoint(widths=WIDE), vae("a", widths=WIDE), "yes"),
        (checkpoint(widths=WIDE), vae("a", widths=(64, 128, 256, 256)), "no"),
        (checkpoint(baked="none"), vae("a", widths=(64, 128, 256, 256)), "yes"),
        (checkpoint(space="sd3"), vae("a", "sd3", architecture="kl-f8-16ch"), "yes"),
        (checkpoint(space="sd3"), vae("a", "flux1", C.GUESS, architecture="kl-f8-16ch"), "perhaps"),
        (checkpoint(space=None), vae("a", "sdxl"), "yes"),
        (checkpoint(space=None, architecture="sd-x4-upscaler"), vae("a", "sd1"), "no"),
        (checkpoint(space=None, architecture="sd-x4-upscaler"), vae("a", None, architecture="sd-x4-upscaler"), "yes"),
        (checkpoint(space=None, baked="none"), vae("a", "sd1"), "yes"),
        (checkpoint(space=None, baked="none"), vae("a", None, architecture="cascade-stage-a"), "no"),
        (checkpoint(space=None, baked="none"), vae("a", None, architecture="kl-f16"), "yes"),
        (checkpoint(latent_channels=4), vae("a", latent_channels=4), "yes"),
        (checkpoint(latent_channels=4), vae("a"), "yes"),
        (checkpoint(space=None, baked="none", latent_channels=32), vae("a", latent_channels=4), "no"),
        (checkpoint(space=None, latent_channels=16), vae("a", latent_channels=4), "no"),
        (checkpoint(), vae("a", halves=("encoder", "decoder"), image_channels=(3, 3)), "yes"),
        (checkpoint(shapes_id="1"), vae("a", shapes_id="1"), "yes"),
        (checkpoint(shapes_id="1"), vae("a"), "yes"),
        (checkpoint(shapes_id="1"), vae("a", shapes_id="2"), "no"),
        (checkpoint(baked="damaged", shapes_id="1"), vae("a", shapes_id="2"), "no"),
        (checkpoint(baked="partial", shapes_id="1"), vae("a", shapes_id="2"), "yes"),
        (checkpoint(baked="none"), vae("a", shapes_id="2"), "yes"),
        (checkpoint(space="sd1"), checkpoint("other", "sd1"), "yes"),
        (checkpoint(space="sd1"), checkpoint("other", "sdxl"), "no"),
    ],
)
def test_which_fits_which(model: Entry, file: Entry, fits: str) -> None:
    held = vae_traits(file)
    assert held
    fault = misfit(model, held)
    assert ("yes" if fault is None else "no" if fault.certain else "perhaps") == fits, fault


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (vae("a"), ""),
        (checkpoint(), ""),
        (checkpoint("m.ckpt", baked="none"), "m holds no VAE"),
        (checkpoint("m.ckpt", baked="partial"), "m holds an incomplete VAE"),
        (checkpoint("m.ckpt", baked="damaged"), "m holds a damaged VAE"),
        (broken("a"), "3 tensors are missing"),
        (broken("a", error="This is a VAE, but broken: it is cut off."), "it is a VAE, but broken: it is cut off"),
    ],
)
def test_files_without_a_vae_say_why(file: Entry, why: str) -> None:
    assert defect(file) == why and (vae_traits(file) is None) == bool(why)


@pytest.mark.parametrize("model", [checkpoint(), checkpoint(baked="none"), checkpoint(space=None, baked="none")])
@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"halves": ("encoder",)}, "it is only the encoder of a VAE"),
        ({"halves": ("decoder",)}, "it is only the decoder of a VAE"),
        (
            {"image_channels": (6, 6)},
            "its pictures have 6 channels, and those of the web UI have 3: red, green and blue",
        ),
        ({"image_channels": (1, 1)}, "its pictures have 1 channel, and those"),
        ({"image_channels": (3, 12)}, "its pictures have 3 and 12 channels"),
        ({"middle_attention": False}, "it has no attention in the middle of its network"),
        ({"dtype": "i8"}, "its weights are of the format i8, and not floating-point numbers"),
    ],
)
def test_what_is_no_network_of_the_web_ui_fits_nothing(model: Entry, told: dict[str, object], why: str) -> None:
    """Half a VAE could be set, and one of 6 channels was baked into a checkpoint without a VAE, where the switch refused both."""
    held = vae_traits(vae("a", **told))
    assert held
    fault = misfit(model, held)
    assert fault and fault.certain and fault.why.startswith(why) and network_fault(held) == fault.why


def test_the_latent_is_told_first() -> None:
    held = vae_traits(vae("a", latent_channels=4))
    fault = held and misfit(checkpoint("xl.ckpt", None, "none", latent_channels=32), held)
    assert fault and fault.why == "its latents have 4 channels, and those of xl have 32"


def test_weights_of_another_size_are_told_from_the_headers(tmp_path: Path) -> None:
    """Widths and all else are equal; one convolution is not."""
    ours = small_kl(0)
    theirs = {**ours, "quant_conv.bias": torch.zeros(9), "decoder.extra.bias": torch.zeros(1)}
    del theirs["post_quant_conv.bias"], theirs["post_quant_conv.weight"]
    save_file({f"first_stage_model.{name}": tensor for name, tensor in ours.items()}, tmp_path / "model.safetensors")
    save_file(theirs, tmp_path / "vae.safetensors")
    model = checkpoint("model.safetensors", folder=str(tmp_path), shapes_id="ours")
    held = vae_traits(vae("vae.safetensors", folder=str(tmp_path), shapes_id="theirs"))
    fault = held and misfit(model, held)
    assert (
        fault
        and fault.certain
        and fault.why
        == (
            "compared with the VAE in model, 2 of its weights (as post_quant_conv.bias) missing; "
            "1 of its weights (as quant_conv.bias) of another size; 1 of its weights (as decoder.extra.bias) too many"
        )
    )
    gone = vae_traits(vae("gone.safetensors", folder=str(tmp_path), shapes_id="theirs"))
    fault = gone and misfit(model, gone)
    assert fault and fault.why.endswith("its weights have other names or sizes")


def test_a_refusal_names_the_file_once_and_says_what_it_is(tmp_path: Path) -> None:
    """It read "page.safetensors cannot be used: page.safetensors is a web page", and of a shard only "it is not a VAE"."""
    page, shard = tmp_path / "page.safetensors", tmp_path / "model-00001-of-00002.safetensors"
    page.write_bytes(b"<!DOCTYPE html><html><title>Sign in</title></html>")
    save_file({"encoder.conv_in.weight": torch.zeros(32, 3, 3, 3)}, shard)
    found = library_in(tmp_path / "data")
    assert defect(found.entry(str(page))).startswith("it is a web page, not a model")
    assert defect(found.entry(str(shard))).startswith("it is part 1 of 2 of a model that was saved in parts")
