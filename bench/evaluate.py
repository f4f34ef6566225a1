"""An evaluation beside a bare loop over its networks, and how its time grows with pictures and workers.

CPU time of one thread, but for the workers, which need quiet cores: their figure is wall time.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from vae_workbench.autoencoder.autoencoder import Autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.evaluate.compute import compute
from vae_workbench.evaluate.evaluation import begin
from vae_workbench.evaluate.job import Job

from .figure import Figure

PICTURES, SIZE = 6, 256
FEW, MANY, SMALL = 100, 1000, 32
REPEATS = 3
WORKERS = 2


def figures() -> list[Figure]:
    """Throughput with a full-size KL autoencoder, growth with the network of TAESD on small pictures."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return [_throughput(Path(folder)), *_growth(Path(folder))]
    finally:
        torch.set_num_threads(threads)


def _throughput(folder: Path) -> Figure:
    torch.manual_seed(0)
    network = KLAutoencoder(KLShape.standard(width=128)).eval()
    job, root = _job(folder, "kl", network, SIZE), _pictures(folder / "large", PICTURES, SIZE)
    images = torch.rand(PICTURES, 3, SIZE, SIZE) * 2 - 1
    ratios, told = [], ""
    for repeat in range(REPEATS):
        bare = _bare(network, images)
        whole = _evaluated(root, job, folder / f"kl-{repeat}")[0]
        ratios.append(whole / bare)
        told = f"{whole / PICTURES:.2f} s a picture beside {bare / PICTURES:.2f} s"
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    name = f"a full-size VAE evaluated at {SIZE}², beside a bare loop over its network"
    return Figure(name, statistics.median(ratios), 1 / 0.9, "×", f"{spread}; {told}, CPU time of one thread")


def _growth(folder: Path) -> list[Figure]:
    torch.manual_seed(0)
    job = _job(folder, "tiny", TinyAutoencoder(TinyShape(4)), SMALL)
    few, many = (_pictures(folder / str(count), count, SMALL) for count in (FEW, MANY))
    _evaluated(few, job, folder / "warm")
    one, _ = _evaluated(few, job, folder / "few")
    ten, alone = _evaluated(many, job, folder / "many")
    _, together = _evaluated(many, job, folder / "workers", WORKERS)
    return [
        Figure(
            f"time for a picture of {MANY:,}, beside one of {FEW}", ten / MANY / (one / FEW), 1.1, "×",
            f"{1000 * ten / MANY:.1f} ms beside {1000 * one / FEW:.1f} ms of one thread, {SMALL}²",
        ),
        Figure(
            f"{WORKERS} workers, beside a {WORKERS}th of the time of one", WORKERS * together / alone, 1 / 0.85, "×",
            f"{together:.1f} s beside {alone:.1f} s, start of the processes included",
        ),
    ]  # fmt: skip


def _evaluated(root: Path, job: Job, out: Path, workers: int = 1) -> tuple[float, float]:
    """CPU time of this process, and wall time."""
    evaluation = begin(root, job, out)
    cpu, wall = time.process_time(), time.perf_counter()
    compute(evaluation, workers=workers)
    return time.process_time() - cpu, time.perf_counter() - wall


def _bare(network: Autoencoder, images: torch.Tensor) -> float:
    """Seconds for encoding and decoding, picture by picture."""
    start = time.process_time()
    with torch.inference_mode():
        for image in images.split(1):
            network.decode(network.encode(image))
    return time.process_time() - start


def _job(folder: Path, name: str, network: Autoencoder, size: int) -> Job:
    save_file(network.state_dict(), folder / f"{name}.safetensors")
    return replace(Job("", (Candidate(name, folder / f"{name}.safetensors"),)), size=size)


def _pictures(folder: Path, count: int, size: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        blotches = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        blotches.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{number:05}.png")
    return folder
