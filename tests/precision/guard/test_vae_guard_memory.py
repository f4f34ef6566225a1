"""Memory that runs out: at every layer, in every rung of the ladder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.host_vaes import overflowing, shallow_kl
from tests.precision.guarded import Bench
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.tiled import decode_tiled, moments_tiled
from vae_workbench.errors import NotFinite
from vae_workbench.precision.plan import Precision
from vae_workbench.precision.structure import HALVES, Half

FP16, BF16, FP32 = torch.float16, torch.bfloat16, torch.float32
LATENTS = torch.randn(1, 4, 2, 18, generator=torch.Generator().manual_seed(3))
IMAGES = torch.rand(1, 3, 4, 144, generator=torch.Generator().manual_seed(4)) * 2 - 1
INPUTS: dict[Half, Tensor] = {"decoder": LATENTS, "encoder": IMAGES}
"""A little longer than the smallest tile."""


@contextmanager
def out_of_memory(at: int, *dtypes: torch.dtype, always: bool = True) -> Iterator[Counter[torch.dtype]]:
    """The ``at``-th layer that runs in one of these formats runs out of memory; in every run, or in the first one only.

    Gives the number of layers run by format.
    """
    ran: Counter[torch.dtype] = Counter()

    def layer(module: nn.Module, _inputs: object) -> None:
        weight = next(module.parameters(recurse=False), None)
        if weight is None:
            return
        ran[weight.dtype] += 1
        if weight.dtype in dtypes and ran[weight.dtype] == at:
            ran[weight.dtype] = 0 if always else at
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    handle = nn.modules.module.register_module_forward_pre_hook(layer)
    try:
        yield ran
    finally:
        handle.remove()


def layers(half: Half, run: Callable[[], object], dtype: torch.dtype) -> range:
    """The numbers of the layers that run in a format."""
    with out_of_memory(0) as ran:
        run()
    assert ran[dtype] > 20, half
    return range(1, ran[dtype] + 1)


def tiled(half: Half, tensors: dict[str, Tensor], tile: int = 16) -> Tensor:
    """What the VAE gives in tiles, in fp32."""
    network = load_autoencoder(tensors)
    run: Any = decode_tiled if half == "decoder" else moments_tiled
    result: Tensor = run(network, INPUTS[half].half(), tile=tile, overlap=tile // 4)
    return result.half()


def faults(bench: Bench) -> list[str]:
    return [attempt.fault for attempt in bench.reports[-1].attempts]


class Failing(Bench):
    """A VAE that gives only NaN, without computing anything."""

    def run(self, half: Half, x: Tensor | None = None) -> Any:
        def nothing(given: Tensor) -> Tensor:
            return torch.full((1, 3, 2 * given.shape[2], 2 * given.shape[3]), float("nan"), dtype=FP16)

        assert half == "decoder" and x is not None
        return self.vae_guard.decode(nothing, x.half())


@pytest.mark.parametrize("half", HALVES)
def test_at_every_layer_of_the_network_that_makes_pictures(tmp_path: Path, half: Half) -> None:
    bench = Bench(tmp_path, shallow_kl())
    expected = tiled(half, shallow_kl())
    for layer in layers(half, lambda: bench.run(half, INPUTS[half]), FP16):
        with out_of_memory(layer, FP16, always=False):
            assert torch.equal(bench.run(half, INPUTS[half]), expected), layer
        assert bench.precisions[-1] == "fp32 in tiles of 16" and faults(bench) == ["memory"], layer
    assert bench.plans.of("sketch").half(half).precision is Precision.FP16, "too little memory teaches nothing"


def test_at_every_layer_of_the_rescaled_network(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    bench.run("decoder", LATENTS)
    for layer in layers("decoder", lambda: bench.run("decoder", LATENTS), FP16)[::5]:
        with out_of_memory(layer, FP16):
            assert torch.equal(bench.run("decoder", LATENTS), tiled("decoder", overflowing())), layer
        assert faults(bench) == ["memory"] and bench.reports[-1].attempts[0].precision == "fp16 rescaled"


@pytest.mark.parametrize(("dtype", "step"), [(FP32, 1), (BF16, 12)])
def test_at_every_layer_of_the_repair(tmp_path: Path, dtype: torch.dtype, step: int) -> None:
    bench = Failing(tmp_path, shallow_kl(), bf16=dtype is BF16)
    bench.plans.pin("sketch", "fp16")
    for layer in layers("decoder", lambda: bench.run("decoder", LATENTS), dtype)[::step]:
        with out_of_memory(layer, dtype, always=False):
            assert torch.equal(bench.run("decoder", LATENTS), tiled("decoder", shallow_kl())), layer
        assert faults(bench) == ["overflow", "memory"], layer


def test_at_every_layer_of_the_encoders_repair(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing("encoder"), rescaled=False)
    for layer in layers("encoder", lambda: bench.run("encoder", IMAGES), FP32)[::3]:
        with out_of_memory(layer, FP32, always=False):
            assert torch.equal(bench.run("encoder", IMAGES), tiled("encoder", overflowing("encoder"))), layer
        assert faults(bench)[-1] == "memory", layer


def test_what_overflowed_and_fitted_in_tiles_only_is_rescaled_from_then_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, overflowing())
    with out_of_memory(20, FP32, always=False):
        bench.run("decoder", LATENTS)
    assert faults(bench) == ["overflow", "memory"] and bench.reports[-1].from_now_on == "fp16 rescaled"
    bench.run("decoder", LATENTS)
    assert bench.precisions == ["fp32 in tiles of 16", "fp16 rescaled"]


def test_at_every_layer_of_the_larger_tiles(tmp_path: Path) -> None:
    bench = Failing(tmp_path, shallow_kl())
    bench.plans.pin("sketch", "fp16")
    long = torch.cat((LATENTS, LATENTS), dim=3)
    whole = len(layers("decoder", lambda: bench.run("decoder", long), FP32))
    for layer in range(1, 3 * whole + 1, 13):  # a sample and two tiles
        with out_of_memory(1, FP32, always=False), out_of_memory(layer + 1, FP32, always=False):
            assert bench.run("decoder", long).isfinite().all()
        assert bench.precisions[-1] == "fp32 in tiles of 16", layer
        assert faults(bench) == ["overflow", "memory", "memory"], layer


@pytest.mark.parametrize("half", HALVES)
def test_no_memory_for_anything_is_one_clear_error(tmp_path: Path, half: Half) -> None:
    bench = Bench(tmp_path, shallow_kl(), bf16=True)
    for layer in layers(half, lambda: bench.run(half, INPUTS[half]), FP16)[::4]:
        with out_of_memory(layer, FP16, FP32), pytest.raises(NotFinite) as caught:
            bench.run(half, INPUTS[half])
        assert str(caught.value) == (
            f"The VAE bad.vae cannot {'decode this latent' if half == 'decoder' else 'encode this picture'}: "
            "fp16 ran out of memory; fp32 in tiles of 16 ran out of memory. Make a smaller picture, or free memory."
        )
    assert bench.reports == [] and bench.plans.of("sketch").repairs == 0


def test_without_leave_to_tile_it_is_the_same_error(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shallow_kl(), tiled=False)
    with out_of_memory(1, FP16), pytest.raises(NotFinite, match=r"fp16 ran out of memory\. Make a smaller picture"):
        bench.run("decoder", LATENTS)


@pytest.fixture(autouse=True)
def _quiet_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield
