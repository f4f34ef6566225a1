"""The file's own numbers, beside the network that makes pictures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file

from tests.host_vaes import LdmVae
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.tiled import decode_tiled, encode_tiled
from vae_workbench.errors import UnknownArchitecture
from vae_workbench.precision.exact import ExactNetwork
from vae_workbench.precision.structure import HALVES, Half

LATENTS = torch.randn(1, 4, 4, 5, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(2)) * 2 - 1


def expected(tensors: dict[str, torch.Tensor], half: Half) -> torch.Tensor:
    network = load_autoencoder(tensors)
    with torch.no_grad():
        return network.decode(LATENTS) if half == "decoder" else network.moments(IMAGES)


def source(half: Half) -> torch.Tensor:
    return LATENTS if half == "decoder" else IMAGES


def set_padding(vae: LdmVae, mode: Literal["zeros", "circular"]) -> None:
    for layer in vae.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.padding_mode = mode


@pytest.mark.parametrize("half", HALVES)
def test_fp32_is_the_files_not_upcast_fp16(tmp_path: Path, half: Half) -> None:
    """The web UI's own fallback turns rounded weights back into fp32 (D10)."""
    vae = LdmVae(small_kl())
    path = save_small_kl(tmp_path / "vae.safetensors")
    got, maxima = ExactNetwork(vae, str(path)).run(half, source(half), torch.float32)
    upcast = expected({name: value.float() for name, value in vae.state_dict().items()}, half)
    assert torch.equal(got, expected(small_kl(), half)) and not torch.equal(got, upcast)
    assert maxima[f"{half}.conv_in"] > 0
    assert vae.dtype == torch.float16


@pytest.mark.parametrize("half", HALVES)
def test_from_a_checkpoint(tmp_path: Path, half: Half) -> None:
    tensors = {f"first_stage_model.{name}": value for name, value in small_kl().items()}
    save_file({**tensors, "model.diffusion_model.w": torch.zeros(3)}, tmp_path / "model.safetensors")
    got, _ = ExactNetwork(LdmVae(small_kl()), str(tmp_path / "model.safetensors")).run(
        half, source(half), torch.float32
    )
    assert torch.equal(got, expected(small_kl(), half))


@pytest.mark.parametrize("case", ["gone", "another", "no vae", None])
def test_without_its_file_the_weights_in_memory_are_used(
    tmp_path: Path, case: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "vae.safetensors"
    if case == "another":
        save_small_kl(path, seed=5)
    if case == "no vae":
        save_file({"w": torch.zeros(3)}, path)
    vae = LdmVae(small_kl())
    with caplog.at_level(logging.WARNING):
        got, _ = ExactNetwork(vae, str(path) if case else None).run("decoder", LATENTS, torch.float32)
    assert torch.equal(got, expected({name: value.float() for name, value in vae.state_dict().items()}, "decoder"))
    assert ("weights in memory" in caplog.text) == bool(case)


@pytest.mark.parametrize("half", HALVES)
def test_only_the_half_that_runs_is_read(tmp_path: Path, half: Half, ranges_read: list[tuple[int, int]]) -> None:
    path = save_small_kl(tmp_path / "vae.safetensors")
    exact = ExactNetwork(LdmVae(small_kl()), str(path))
    exact.run(half, source(half), torch.float32)
    own = ("decoder.", "post_quant_conv.") if half == "decoder" else ("encoder.", "quant_conv.")
    sizes = {name: value.nbytes for name, value in small_kl().items()}
    size = sum(size for name, size in sizes.items() if name.startswith(own))
    header = path.stat().st_size - sum(sizes.values())
    assert size <= sum(stop - start for start, stop in ranges_read) <= size + 2 * header
    ranges_read.clear()
    exact.run(half, source(half), torch.float32)
    assert ranges_read == [], "it is kept"


@pytest.mark.parametrize("half", HALVES)
def test_in_tiles(tmp_path: Path, half: Half) -> None:
    network = load_autoencoder(small_kl())
    x = torch.randn(1, 4, 4, 18) if half == "decoder" else torch.rand(1, 3, 32, 144) * 2 - 1
    got, maxima = ExactNetwork(LdmVae(small_kl(), torch.float32), None).run(half, x, torch.float32, tile=16)
    expected = (
        decode_tiled(network, x, tile=16, overlap=4)
        if half == "decoder"
        else encode_tiled(network, x, tile=16, overlap=4)
    )
    assert torch.equal(got[:, : expected.shape[1]], expected) and maxima
    assert got.shape[1] == (3 if half == "decoder" else 8)


def test_pictures_that_wrap_around() -> None:
    """The web UI's "Tiling" sets the padding of its own network's layers."""
    vae = LdmVae(small_kl(), torch.float32)
    set_padding(vae, "circular")
    exact = ExactNetwork(vae, None)
    with torch.no_grad():
        wrapped = vae.decode(LATENTS)
    assert torch.allclose(exact.run("decoder", LATENTS, torch.float32)[0], wrapped, atol=1e-4)
    set_padding(vae, "zeros")
    assert torch.equal(exact.run("decoder", LATENTS, torch.float32)[0], expected(small_kl(), "decoder"))


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("tile", [0, 32])
def test_the_left_edge_of_a_picture_that_wraps_around_sees_the_right_one(half: Half, tile: int) -> None:
    """Whole or in tiles. Without wrapping, it sees it through the norms alone, as the middle does."""
    vae = LdmVae(small_kl(), torch.float32)
    channels, unit = (4, 1) if half == "decoder" else (3, 8)
    x = torch.randn(1, channels, 12 * unit, 40 * unit, generator=torch.Generator().manual_seed(3))
    changed = x.clone()
    changed[..., -unit:] += 2

    def seen() -> float:
        exact = ExactNetwork(vae, None)
        before, after = (exact.run(half, given, torch.float32, tile)[0] for given in (x, changed))
        difference = (after - before).abs().mean((0, 1, 2))
        return float(difference[0] / difference[len(difference) // 2])

    through_norms = seen()
    set_padding(vae, "circular")
    assert seen() > 2 * through_norms


def test_a_narrow_picture_that_wraps_around_keeps_its_size_in_tiles() -> None:
    vae = LdmVae(small_kl(), torch.float32)
    set_padding(vae, "circular")
    for half, x in (("decoder", torch.randn(1, 4, 3, 40)), ("encoder", torch.randn(1, 3, 27, 323))):
        whole, tiled = (ExactNetwork(vae, None).run(half, x, torch.float32, tile)[0] for tile in (0, 32))
        assert tiled.shape == whole.shape and tiled.isfinite().all()


def test_bf16_and_back() -> None:
    exact = ExactNetwork(LdmVae(small_kl()), None)
    for dtype in (torch.bfloat16, torch.float32):
        assert exact.run("decoder", LATENTS, dtype)[0].dtype == dtype


def test_damaged_weights_are_named() -> None:
    tensors = {name: value.clone() for name, value in small_kl().items()}
    tensors["decoder.conv_out.bias"][1] = float("nan")
    exact = ExactNetwork(LdmVae(tensors), None)
    assert exact.damaged_tensors() == ["decoder.conv_out.bias"]


def test_what_is_no_kl_autoencoder() -> None:
    with pytest.raises(UnknownArchitecture):
        ExactNetwork(torch.nn.Conv2d(3, 3, 1), None).run("decoder", LATENTS, torch.float32)
