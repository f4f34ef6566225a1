"""What it costs to know a large collection: scanning it cold, scanning it again, listing it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vae_workbench.identity.architecture.signature import Signature
from vae_workbench.identity.sketch import read_sketch
from vae_workbench.library.library import Library
from vae_workbench.weights.reader import open_weights

from .figure import Figure
from .identity import sparse_checkpoint, vae_shapes

CHECKPOINTS = 1000
ROWS = 10_000
ROOT = Path(__file__).resolve().parents[1]


def figures() -> list[Figure]:
    """All figures of the group."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_scans(Path(folder)), _listing(Path(folder) / "many")]


def _scans(folder: Path) -> list[Figure]:
    shapes = vae_shapes()
    (folder / "models").mkdir()
    paths = [
        sparse_checkpoint(folder / "models" / f"{number}.safetensors", shapes, number, CHECKPOINTS)
        for number in range(CHECKPOINTS)
    ]
    reads = statistics.mean(_sketch_seconds(path) for path in paths[:100]) * 1000
    command = [sys.executable, "-m", "bench.library", str(folder)]
    told = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    cold = told["cold"] * 1000 / CHECKPOINTS
    sizes = f"{CHECKPOINTS} sparse checkpoints of 2–7 GB"
    return [
        Figure("cold scan, a file beyond its sketch's reads", cold - reads, 10, "ms", f"{sizes}; the reads {reads:.1f} ms"),
        Figure("the same, memory beyond that of the imports", told["memory"] / 1e6, 150, "MB", "peak, judging included"),
        Figure(
            "scan of unchanged files beside `stat` of each", told["again"] / told["stat"], 5, "×",
            f"{told['again'] * 1000:.1f} ms beside {told['stat'] * 1000:.1f} ms; from the index in a new process "
            f"{told['reopened'] * 1000:.0f} ms",
        ),
    ]  # fmt: skip


def _sketch_seconds(path: Path) -> float:
    with open_weights(path) as reader:
        shapes = {
            name.removeprefix("first_stage_model."): tensor.shape
            for name, tensor in reader.inventory.tensors.items()
            if name.startswith("first_stage_model.")
        }
        signature = Signature({f"first_stage_model.{name}": shape for name, shape in shapes.items()})
        start = time.perf_counter()
        read_sketch(reader, signature.names, signature.shapes)
        return time.perf_counter() - start


def _listing(folder: Path) -> Figure:
    """Files that are no VAEs, so that what is measured is the library and not the judging of sketches."""
    folder.mkdir()
    for number in range(ROWS):
        (folder / f"{number}.pt").write_bytes(b"no weights")
    library = Library(folder / "data" / "library.sqlite", folder / "data" / "names.json")
    library.scan([folder])
    start = time.perf_counter()
    entries = library.collection().entries
    spent = (time.perf_counter() - start) * 1000
    assert len(entries) == ROWS
    return Figure(f"{ROWS} files listed after a scan", spent, 100, "ms", "named apart, judged and sorted")


def _measure(folder: Path) -> dict[str, float]:
    """In a process of its own, so that its peak of memory is that of the scan."""
    database, names, models = folder / "library.sqlite", folder / "names.json", folder / "models"
    before = _peak()
    library = Library(database, names)
    start = time.perf_counter()
    library.scan([models])
    library.collection()
    cold = time.perf_counter() - start
    paths = [str(path) for path in models.iterdir()]
    again = min(_timed(lambda: library.scan([models])) for _ in range(5))
    stat = min(_timed(lambda: [os.stat(path) for path in paths]) for _ in range(5))  # noqa: PTH116
    reopened = _timed(lambda: Library(database, names).scan([models]))
    return {"cold": cold, "again": again, "stat": stat, "reopened": reopened, "memory": _peak() - before}


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _peak() -> int:
    """Bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]))))
