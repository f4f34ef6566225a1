"""The guard of a VAE: what it costs when nothing is wrong, what a repair costs, and how exact rescaled fp16 is.

On a CPU, fp16 is ten times slower than fp32. So figures beside fp16 are ratios of two runs in fp16, and in the one that is beside
fp32 the run that fails is left out. CPU time of one thread, in turn, median: other work on the machine disturbs that least.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from skimage.data import data_dir as photos
from torch import Tensor

from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.compare.sources.picture import load_picture
from vae_workbench.precision.guard.hooks import Identity
from vae_workbench.precision.guard.vae_guard import VaeGuard
from vae_workbench.precision.plan import Plans
from vae_workbench.precision.rescale import scale_stream
from vae_workbench.standalone.demo_files import demo_vaes
from vae_workbench.weights.reader import load_tensors

from .figure import Figure

ROUNDS = 5
WIDTH = 64
STREAM = 2.0**16
"""A stream so much larger overflows in fp16."""


def figures() -> list[Figure]:
    """Time, exactness and side effects."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            return [
                _healthy(Path(folder)),
                *_prone(Path(folder)),
                _first_repair(Path(folder)),
                *_exactness(Path(folder)),
            ]
    finally:
        torch.set_num_threads(threads)


def _healthy(folder: Path) -> Figure:
    """The guard's own time beside a full-size decode at 512² in fp32; on a GPU both shrink alike."""
    vae = load_autoencoder(_weights(128))
    latents = torch.randn(1, 4, 64, 64)
    decode, images = _timed(lambda: vae.decode(latents))
    vae_guard = _vae_guard(vae, folder, "healthy")
    guarded = _median(lambda: vae_guard.decode(lambda _: images, latents))
    note = f"{1e3 * guarded:.2f} ms beside {decode:.1f} s"
    return Figure("guard on a healthy decode at 512², beside none", 1 + guarded / decode, 1.01, "×", note)


def _prone(folder: Path) -> list[Figure]:
    """Two VAEs of one size in fp16, both under guard: one is healthy, one overflowed before."""
    healthy = load_autoencoder(_weights(WIDTH), dtype=torch.float16)
    prone = load_autoencoder(_overflowing(WIDTH), dtype=torch.float16)
    watches = [(_vae_guard(vae, folder, name), vae) for vae, name in ((healthy, "good"), (prone, "prone"))]
    latents = torch.randn(1, 4, 8, 8).half()

    def run(vae_guard: VaeGuard, vae: Any) -> Callable[[], Tensor]:
        return lambda: vae_guard.decode(vae.decode, latents)

    run(*watches[1])()  # the failure
    pairs = [[_timed(run(*pair))[0] for pair in watches] for _ in range(ROUNDS)]
    good, bad = (statistics.median(column) for column in zip(*pairs, strict=True))
    sizes = [sum(t.nbytes for t in vae.parameters()) for _, vae in watches]
    note = f"{bad:.2f} s beside {good:.2f} s in fp16"
    return [
        Figure("NaN-prone VAE after its first failure, beside a healthy one: time", bad / good, 1.02, "×", note),
        Figure(
            "the same: memory of the weights where they run",
            sizes[1] / sizes[0],
            1.02,
            "×",
            "what undoes it is elsewhere",
        ),
    ]


def _first_repair(folder: Path) -> Figure:
    """From a result that is not finite to the repaired one: reading the file, fp32, learning, scaling."""
    tensors = _overflowing(128)
    exact, vae = load_autoencoder(tensors), load_autoencoder(tensors, dtype=torch.float16)
    latents = torch.randn(1, 4, 40, 40)
    failed = torch.full((1, 3, 320, 320), float("nan"), dtype=torch.float16)
    save_file(tensors, folder / "vae.safetensors")

    def inner(x: Tensor) -> Tensor:
        return failed if x.shape == latents.shape else exact.decode(x)

    exact.decode(latents)
    times = []
    for number in range(3):
        vae_guard = _vae_guard(vae, folder, f"repair {number}", str(folder / "vae.safetensors"))
        times.append(
            (
                _timed(lambda vae_guard=vae_guard: vae_guard.decode(inner, latents))[0],
                _timed(lambda: exact.decode(latents))[0],
            )
        )
        vae_guard.renew()
    repair, plain = (statistics.median(column) for column in zip(*times, strict=True))
    note = f"{repair:.2f} s beside {plain:.2f} s, without the run in fp16 that fails"
    return Figure("first repair at 320², full size, beside a decode in fp32", repair / plain, 1.1, "×", note)


def _exactness(folder: Path) -> list[Figure]:
    """Error of rescaled fp16 against fp32, beside bf16's."""
    demo = next(path for path in demo_vaes(folder) if "overflows" in path.name)
    picture = load_picture(Path(photos) / "coffee.png", longest_side=96).pixels * 2 - 1
    latents = load_autoencoder(load_tensors(demo)).encode(picture[..., : picture.shape[2] // 8 * 8, :])
    return [
        _beside_bf16("the demo VAE that overflows", load_tensors(demo), latents, folder),
        _beside_bf16("a synthetic VAE", _overflowing(32), torch.randn(1, 4, 8, 8), folder),
    ]


def _beside_bf16(name: str, tensors: dict[str, Tensor], latents: Tensor, folder: Path) -> Figure:
    expected = load_autoencoder(tensors).decode(latents)
    vae = load_autoencoder(tensors, dtype=torch.float16)
    vae_guard = _vae_guard(vae, folder, name)
    vae_guard.decode(vae.decode, latents.half())
    images = {
        "fp16": vae_guard.decode(vae.decode, latents.half()),
        "bf16": load_autoencoder(tensors, dtype=torch.bfloat16).decode(latents),
    }
    errors = {dtype: float((got.float() - expected).norm() / expected.norm()) for dtype, got in images.items()}
    note = f"{errors['fp16']:.4f} beside {errors['bf16']:.4f}, ‖difference‖ / ‖fp32‖"
    return Figure(f"error of rescaled fp16 beside bf16's, {name}", errors["fp16"] / errors["bf16"], 0.25, "×", note)


def _vae_guard(vae: KLAutoencoder | Any, folder: Path, name: str, path: str | None = None) -> VaeGuard:
    return VaeGuard(vae, lambda: Identity(name, path, name), Plans(folder / "plans.json"))


def _weights(width: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return dict(KLAutoencoder(KLShape.standard(width=width)).state_dict())


def _overflowing(width: int) -> dict[str, Tensor]:
    return scale_stream(_weights(width), "decoder", STREAM)


def _timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _median(work: Callable[[], Tensor]) -> float:
    return statistics.median(_timed(work)[0] for _ in range(101))
