"""Reading headers of checkpoints, and single tensors of large files."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from vae_workbench.weights.inventory import inventory_of, read_inventory
from vae_workbench.weights.safetensors_header import header_bytes
from vae_workbench.weights.source import Source

from .figure import Figure

BLOCKS = 125
BLOCK = {
    "norm1": (1280,),
    "attn1.to_q": (1280, 1280),
    "attn1.to_k": (1280, 1280),
    "attn1.to_v": (1280, 1280),
    "attn1.to_out.0": (1280, 1280),
    "norm2": (1280,),
    "attn2.to_q": (1280, 1280),
    "attn2.to_k": (1280, 2048),
    "attn2.to_v": (1280, 2048),
    "attn2.to_out.0": (1280, 1280),
    "norm3": (1280,),
    "ff.net.0.proj": (10240, 1280),
    "ff.net.2": (1280, 5120),
}
"""A transformer block of SDXL's UNet; all but the queries, keys and values also have a bias."""

RUNS = 30


def checkpoint_shapes() -> dict[str, tuple[int, ...]]:
    """2,500 names and shapes that take 8.7 GB in fp16."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number in range(BLOCKS):
        place = f"model.diffusion_model.input_blocks.{number % 12}.1.transformer_blocks.{number}"
        for layer, shape in BLOCK.items():
            shapes[f"{place}.{layer}.weight"] = shape
            if not layer.endswith(("to_q", "to_k", "to_v")):
                shapes[f"{place}.{layer}.bias"] = shape[:1]
    return shapes


def write_sparse(path: Path) -> int:
    """A checkpoint whose weights are a hole in the file; returns the bytes of its header."""
    header, size = header_bytes([(name, "F16", shape) for name, shape in checkpoint_shapes().items()], {"format": "pt"})
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)
    return len(header)


def fastest(*works: Callable[[], object]) -> list[float]:
    """The shortest time of each work in milliseconds, taken in turns so that a busy moment hits all of them."""
    times = [math.inf] * len(works)
    for _ in range(RUNS):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            times[place] = min(times[place], (time.perf_counter() - start) * 1e3)
    return times


class RecordingSource(Source):
    """Remembers the ranges (first byte, byte behind the last) that were read."""

    def __init__(self, path: Path) -> None:
        self.ranges: list[tuple[int, int]] = []
        super().__init__(path)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self.ranges.append((offset, offset + len(buffer)))
        super().read_into(offset, buffer)


def weight_bytes_read(path: Path) -> int:
    """Bytes of weights that an inventory touches."""
    source = RecordingSource(path)
    with source:
        tensors = inventory_of(source).tensors.values()
    weights = [
        (info.record.header, info.record.header + info.record.stored)
        if info.record
        else (info.offset, info.offset + info.nbytes)
        for info in tensors
    ]
    return sum(max(0, min(end, last) - max(begin, first)) for begin, end in source.ranges for first, last in weights)


def read_part(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        return file.read(length)


def inventory_figures(name: str, path: Path, offset: int, length: int, parse: Callable[[], object]) -> list[Figure]:
    """An inventory beside reading the header's bytes, and beside what anyone must do at least to get at the names.

    The first ratio is here because it was the goal: reading a header from the system's cache takes about 50 ns for each
    of its tensors, less than it takes to make one Python object.
    """
    ours, read, theirs = fastest(lambda: read_inventory(path), lambda: read_part(path, offset, length), parse)
    note = f"{ours:.2f} ms; read {read:.3f} ms; {parse.__name__} {theirs:.2f} ms"
    return [
        Figure(f"{name} / reading its header", ours / read, 3, "×", note),
        Figure(f"{name} / {parse.__name__}", ours / theirs, 3, "×", note),
        Figure(name, ours, 5, "ms"),
        Figure(f"{name}: weights read", weight_bytes_read(path), 0, "B"),
    ]


def safetensors_figures(path: Path, header: int) -> list[Figure]:
    def read_and_json_loads() -> object:
        return json.loads(read_part(path, 8, header - 8))

    return inventory_figures("inventory of 2,500 tensors, safetensors", path, 0, header, read_and_json_loads)


def torch_figures(path: Path) -> list[Figure]:
    torch.save({"state_dict": {name: torch.zeros(1) for name in checkpoint_shapes()}}, path)
    with zipfile.ZipFile(path) as archive:
        pickled = archive.getinfo(f"{path.stem}/data.pkl")

    def torch_load_mmap() -> object:
        return torch.load(path, mmap=True, weights_only=True)

    return inventory_figures(
        "inventory of 2,500 tensors, .ckpt", path, pickled.header_offset, pickled.file_size, torch_load_mmap
    )


PEAK = r"""
import re, sys
from pathlib import Path
from vae_workbench.weights.reader import open_weights

def megabytes(what):
    return int(re.search(what + r":\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1000

before = megabytes("VmRSS")
with open_weights(sys.argv[1]) as reader:
    tensor = reader.load(sys.argv[2])
print(megabytes("VmHWM") - before, tensor.nbytes / 1e6)
"""


def memory_figure(path: Path) -> Figure:
    """Beyond what torch itself takes: the peak of a fresh process, less what it held before. Measured on Linux only."""
    name = next(name for name in checkpoint_shapes() if name.endswith("attn2.to_k.weight"))
    told = subprocess.check_output([sys.executable, "-c", PEAK, str(path), name], text=True)
    peak, size = map(float, told.split())
    gigabytes = path.stat().st_size / 1e9
    return Figure(
        f"memory of reading one tensor of a {gigabytes:.1f} GB file", peak, 50, "MB", f"its own {size:.1f} MB included"
    )


def figures() -> list[Figure]:
    """All figures of this room."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        header = write_sparse(path)
        return [*safetensors_figures(path, header), *torch_figures(Path(folder, "model.ckpt")), memory_figure(path)]
