"""What it costs to tell what files are: sketches, checkpoints and the search for merges."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from vae_workbench.autoencoder.build import build
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.identity.architecture.signature import Signature
from vae_workbench.identity.examine import examine
from vae_workbench.identity.identify import identify
from vae_workbench.identity.judge import taught
from vae_workbench.identity.relatives.kinship import relate
from vae_workbench.identity.relatives.lineage import Vae
from vae_workbench.identity.relatives.references import References
from vae_workbench.identity.sketch import Half, Sketch, read_sketch
from vae_workbench.weights.inventory import read_inventory
from vae_workbench.weights.reader import open_weights
from vae_workbench.weights.writer import Recipe, write_safetensors

from .figure import Figure

Shapes = dict[str, tuple[int, ...]]

CHECKPOINTS = 200
TENSORS = 2500
COLLECTIONS = {40: 1000, 200: 2000, 1000: 10_000}
"""How many VAEs, and the most milliseconds."""


def figures() -> list[Figure]:
    """All figures of the group."""
    with tempfile.TemporaryDirectory() as folder:
        vae = _full_size_vae(Path(folder) / "vae.safetensors")
        return [_sketch(vae), _checkpoints(Path(folder), vae), *_relations(vae)]


def _sketch(path: Path) -> Figure:
    with open_weights(path) as reader:
        signature = Signature({name: tensor.shape for name, tensor in reader.inventory.tensors.items()})
        spent = _median(lambda: read_sketch(reader, signature.names, signature.shapes), 20)
    whole = _median(lambda: examine(path), 20)
    note = f"{path.stat().st_size / 1e6:.0f} MB; with opening, header and architecture {whole:.1f} ms"
    return Figure("sketch of a full-size VAE in the page cache", spent, 30, "ms", note)


def _checkpoints(folder: Path, vae: Path) -> Figure:
    """Median time to identify a sparse checkpoint, beside a known VAE, less the time for the reads of its sketch alone."""
    shapes = vae_shapes()
    paths = [
        sparse_checkpoint(folder / f"{number}.safetensors", shapes, number, CHECKPOINTS)
        for number in range(CHECKPOINTS)
    ]
    learned = taught(examine(vae))
    assert learned is not None
    references = References([learned])
    spent, reads, headers = [], [], []
    for path in paths:
        spent.append(_timed(lambda path=path: identify(path, references)))  # type: ignore[misc]
        with open_weights(path) as reader:
            names = {name: f"first_stage_model.{name}" for name in shapes}
            headers.append(_timed(lambda path=path: read_inventory(path)))  # type: ignore[misc]
            reads.append(_timed(lambda r=reader, n=names: read_sketch(r, n, shapes)))  # type: ignore[misc]
    sizes = [path.stat().st_size / 1e9 for path in paths]
    note = (
        f"{CHECKPOINTS} sparse files of {min(sizes):.0f}–{max(sizes):.0f} GB, {TENSORS} tensors; "
        f"of it {statistics.median(headers):.1f} ms for the header; the sketch {statistics.median(reads):.1f} ms"
    )
    name = "identification of a checkpoint beyond its sketch"
    return Figure(name, statistics.median(spent) - statistics.median(reads), 10, "ms", note)


def _relations(path: Path) -> list[Figure]:
    """All relations of finetunes of one VAE, none a merge."""
    base = examine(path).sketch
    assert base is not None
    vaes = [Vae(str(seed), _finetune(base, seed)) for seed in range(max(COLLECTIONS))]
    spent = {count: _timed(lambda count=count: relate(vaes[:count])) for count in COLLECTIONS}  # type: ignore[misc]
    note = "each compared with all others, and as a merge of any 2 or 3 of them"
    return [
        Figure(f"relations and merges of {count} sketches", spent[count], goal, "ms", note)
        for count, goal in COLLECTIONS.items()
    ]


def _finetune(base: Sketch, seed: int) -> Sketch:
    noise = np.random.default_rng(seed)
    return Sketch(
        {
            name: Half(half.layout, half.values * (1 + 0.1 * noise.standard_normal(half.values.shape, np.float32)))
            for name, half in base.halves.items()
        }
    )


def vae_shapes() -> Shapes:
    """Names and shapes of the usual full-size KL autoencoder."""
    return {name: tuple(tensor.shape) for name, tensor in build(KLShape.standard()).state_dict().items()}


def _full_size_vae(path: Path) -> Path:
    def recipe(name: str, shape: tuple[int, ...]) -> Recipe:
        return Recipe.of(name, torch.randn(shape) * 0.05)

    write_safetensors(path, [recipe(name, shape) for name, shape in vae_shapes().items()])
    return path


def sparse_checkpoint(path: Path, vae: Shapes, number: int, count: int) -> Path:
    """The given one of so many sparse SD1 and SDXL checkpoints, from 2 to 7 GB."""
    encoder = "cond_stage_model.transformer" if number % 2 else "conditioner.embedders.1.model"
    shapes = {f"first_stage_model.{name}": shape for name, shape in vae.items()}
    shapes |= {f"{encoder}.layers.{i}.weight": (1024,) for i in range(400)}
    rest = TENSORS - len(shapes)
    size = (2_000_000_000 + 5_000_000_000 * number // count - 340_000_000) // (4 * rest)
    shapes |= {f"model.diffusion_model.output_blocks.{i // 99}.{i % 99}.weight": (size,) for i in range(rest)}
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def _median(work: Callable[[], object], runs: int) -> float:
    work()
    return statistics.median(_timed(work) for _ in range(runs))


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000
