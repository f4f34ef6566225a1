"""A comparison of several VAEs beside plain decodes of the same latent by the same VAEs.

CPU time of one thread: other work on the machine disturbs that least. A plain decode reads the file and runs the network layer by
layer, as the web UI does; nothing is measured, and no picture is written.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from vae_workbench.autoencoder.as_written import as_written
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.autoencoder.open_file import open_autoencoder
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.cells import Source, decode_missing, keep_source, vae_record
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.measuring.peak_memory import PeakMemory
from vae_workbench.compare.sources.picture import Picture
from vae_workbench.identity.verdict import Certainty, Verdict

from .figure import Figure

VAES = 3
PLACES = 40
SD1 = LATENT_SPACES["sd1"]
KNOWN = Verdict("", "vae", Certainty.CERTAIN, ("It is known.",), latent_space="sd1")
"""What a library tells of each, so that no file is looked at for it."""


def figures() -> list[Figure]:
    """Time and memory of full-size KL autoencoders at 320² on the CPU in fp32."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _figures(Path(folder))
    finally:
        torch.set_num_threads(threads)


def _figures(folder: Path) -> list[Figure]:
    paths = [_saved(folder / f"{number}.safetensors", number) for number in range(VAES + 1)]
    vaes = [Candidate(path.name, path, KNOWN) for path in paths]
    source = _source()
    _plain(paths[0], source)  # torch makes its kernels
    plain = [_seconds(lambda path=path: _plain(path, source)) for path in paths]  # type: ignore[misc]
    memory = PeakMemory(torch.device("cpu"))
    _plain(paths[0], source)
    one = memory.bytes()

    kept = ComparisonFolder(folder / "comparison")
    keep_source(kept, source)
    for vae in vaes[:-1]:
        kept.add_vae(vae_record(vae))
    memory = PeakMemory(torch.device("cpu"))
    first, all_of_them = _compared(kept, source, vaes)
    whole = memory.bytes()
    kept.add_vae(vae_record(vaes[-1]))
    added = _seconds(lambda: decode_missing(kept, [source], vaes))
    assert all(cell.state == "done" for cell in kept.cells.values())

    expected = sum(plain[:-1])
    told = [
        Figure(
            f"{VAES} VAEs compared on a generation of 320², beside {VAES} plain decodes", all_of_them / expected, 1.05, "×",
            f"{all_of_them:.1f} s beside {expected:.1f} s of one thread",
        ),
        Figure("the first cell, beside one plain decode", first / plain[0], 1.2, "×", f"{first:.1f} s beside {plain[0]:.1f} s"),
        Figure(
            f"a VAE added to {VAES} others, beside one plain decode", added / plain[-1], 1.1, "×",
            f"{added:.1f} s beside {plain[-1]:.1f} s",
        ),
    ]  # fmt: skip
    if one is not None and whole is not None:
        more = (whole - one) / 1e6
        note = f"{whole / 1e6:.0f} MB beside {one / 1e6:.0f} MB"
        told.append(Figure("peak memory of a comparison beyond one decode", more, 300, "MB", note))
    return told


def _compared(kept: ComparisonFolder, source: Source, vaes: list[Candidate]) -> tuple[float, float]:
    """Seconds until the first cell is done, and until all are."""
    start = time.process_time()
    done: list[float] = []

    def note(_fraction: float, _what: str) -> None:
        if not done and any(cell.state == "done" for cell in kept.cells.values()):
            done.append(time.process_time() - start)

    decode_missing(kept, [source], vaes, progress=note)
    return done[0], time.process_time() - start


def _source() -> Source:
    """A generation whose picture every cell is measured against."""
    random = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 4, PLACES, PLACES, generator=random)
    side = 8 * PLACES
    picture = Picture("generation", torch.rand(1, 3, side, side, generator=random), (side, side))
    return Source.of_latents(latents, "generation", "generation", space=SD1, are_scaled=True, picture=picture)


def _plain(path: Path, source: Source) -> torch.Tensor:
    assert source.latents is not None
    raw = SD1.to_raw(source.latents.values)
    network = open_autoencoder(path, half="decoder")
    with torch.inference_mode(), as_written(network, raw):
        return (network.decode(raw) / 2 + 0.5).clamp(0, 1)


def _saved(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    save_file(KLAutoencoder(KLShape.standard(width=128)).state_dict(), path)
    return path


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
