"""A few small pictures and VAEs to evaluate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.evaluate.job import Job, Line
from vae_workbench.evaluate.results import Results

SIZE = 32


def pictures(folder: Path, count: int, side: int = SIZE) -> Path:
    """Blotches, each another."""
    folder.mkdir()
    random = np.random.default_rng(1)
    for number in range(count):
        blotches = Image.fromarray(random.integers(0, 256, (4, 4, 3), np.uint8))
        blotches.resize((side + 4, side), Image.Resampling.BICUBIC).save(folder / f"p{number:03}.png")
    return folder


def job(folder: Path, vaes: int = 2, **settings: object) -> Job:
    """One for small VAEs that it makes in a folder."""
    folder.mkdir(exist_ok=True)
    made = [save_small_kl(folder / f"v{number}.safetensors", number) for number in range(vaes)]
    return Job("", tuple(Candidate(path.name, path) for path in made), size=SIZE, **settings)  # type: ignore[arg-type]


def tiny_job(folder: Path, **settings: object) -> Job:
    """One for a VAE that takes hardly any time."""
    folder.mkdir(exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TinyAutoencoder(TinyShape(4, 8, (1, 1, 1, 1), (1, 1, 1, 1)))
    path = (folder / "tiny.safetensors").absolute()
    save_file(network.state_dict(), path)
    return Job("", (Candidate(path.name, path),), **settings)  # type: ignore[arg-type]


def known(results: Results) -> list[Line]:
    """All lines in a fixed order."""
    return sorted(results.lines(), key=lambda line: (line["picture"], line.get("vae", -1), line.get("precision", "")))
