"""New files from old beside plain copies of the same bytes, in CPU time, which other programs' work does not change much."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.recipe import Recipe, Step
from vae_workbench.edit.steps.bake import Bake
from vae_workbench.edit.steps.extract import Extract
from vae_workbench.edit.steps.merge import Merge
from vae_workbench.weights.writer import Recipe as Stored
from vae_workbench.weights.writer import write_safetensors

from .figure import Figure

GIGABYTES = 1
"""Of the checkpoint, to spare the disk; twice as much is twice as long for both."""

RUNS = 2


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        yield from _measured(Path(name))
    pixels, change = torch.rand(1, 3, 512, 512), ColourChange.of(saturation=1.2)
    change.of_pixels(pixels)
    start = time.perf_counter()
    for _ in range(20):
        change.of_pixels(pixels)
    yield Figure("tone, preview of a picture of 512²", (time.perf_counter() - start) / 20 * 1000, 50, "ms")


def _measured(folder: Path) -> Iterator[Figure]:
    vaes = [_vae(folder / f"vae-{seed}.safetensors", seed) for seed in (0, 1)]
    checkpoint = _checkpoint(folder / "checkpoint.safetensors", vaes[0])
    out = folder / "out.safetensors"
    _made(checkpoint, (), out)  # what is imported late is imported
    steps: dict[str, tuple[Path, tuple[Step, ...], float, list[Path]]] = {
        "bake into a checkpoint": (vaes[1], (Bake(checkpoint),), 1.3, [checkpoint]),
        "convert a checkpoint, its hash included": (checkpoint, (), 1.3, [checkpoint]),
        "extract from a checkpoint": (checkpoint, (Extract(),), 1.3, [vaes[0]]),
        "merge of two VAEs in fp32, beside copies of all three": (vaes[0], (Merge((vaes[1],)),), 2, [*vaes, vaes[0]]),
    }
    for what, (source, recipe, goal, copied) in steps.items():
        ours, wall = _least(lambda source=source, recipe=recipe: _made(source, recipe, out))  # type: ignore[misc]
        copy, other = _least(lambda copied=copied: _copied(copied, out))  # type: ignore[misc]
        note = f"CPU time; {wall:.2f} s and {other:.2f} s by the clock"
        yield Figure(f"{what}, beside `cp` of the same bytes", ours / copy, goal, "×", note)


def _least(run: Callable[[], None]) -> tuple[float, float]:
    """CPU time and wall time of the quickest run."""
    found = []
    for _ in range(RUNS):
        cpu, wall = _cpu(), time.perf_counter()
        run()
        found.append((_cpu() - cpu, time.perf_counter() - wall))
    return min(found)


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _made(source: Path, steps: tuple[Step, ...], out: Path) -> None:
    out.unlink(missing_ok=True)
    Recipe(source, steps).save(out)


def _copied(sources: list[Path], out: Path) -> None:
    for source in sources:
        out.unlink(missing_ok=True)
        if shutil.which("cp"):
            subprocess.run(["cp", source, out], check=True)
        else:
            shutil.copyfile(source, out)


def _vae(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    network = KLAutoencoder(KLShape.standard())
    write_safetensors(path, [Stored.of(name, value) for name, value in network.state_dict().items()])
    return path


def _checkpoint(path: Path, vae: Path) -> Path:
    from vae_workbench.weights.reader import load_tensors

    def load() -> torch.Tensor:
        return torch.randint(-30000, 30000, (1280, 10240), dtype=torch.int16).view(torch.float16)

    count = GIGABYTES * 10**9 // (1280 * 10240 * 2)
    names = [f"model.diffusion_model.output_blocks.{number}.weight" for number in range(count)]
    mine = [Stored.of(f"first_stage_model.{name}", value) for name, value in load_tensors(vae).items()]
    write_safetensors(path, [*(Stored(name, "F16", (1280, 10240), load) for name in names), *mine])
    return path
