"""The VAE in its file's own numbers, in a network of its own beside the one that makes pictures.

The web UI keeps a VAE as fp16. Turning that back into fp32 does not bring back what was rounded off, and would pull the weights
away from under a live preview. So the values are read from the file again, into one of our networks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..autoencoder.build import load_autoencoder
from ..autoencoder.kl import KLAutoencoder
from ..autoencoder.open_file import HALF_NAMES, open_autoencoder
from ..autoencoder.tiled import decode_tiled, moments_tiled
from ..errors import FileProblem, UnknownArchitecture
from .finite import all_finite
from .maxima import Maxima, measuring
from .structure import LAYER, Half, parts_of

logger = logging.getLogger("vae_workbench")

COMPARED = 16
"""Values of each tensor by which the file's VAE and the one in memory are compared."""


class ExactNetwork:
    """A second network with the weights of a VAE, made when it is first needed and kept in main memory.

    Args:
        vae: the network that makes pictures.
        path: the VAE file or checkpoint that its weights came from, or ``None``. Where it cannot be read or holds another
            VAE, the weights in memory are used.
    """

    def __init__(self, vae: nn.Module, path: str | None) -> None:
        self._vae = vae
        self._path = path
        self._kept: dict[Half, KLAutoencoder] = {}

    def run(self, half: Half, x: Tensor, dtype: torch.dtype, tile: int = 0) -> tuple[Tensor, Maxima]:
        """Decodes raw latents to images, or encodes images to moments (see :meth:`.kl.KLAutoencoder.moments`).

        Args:
            half: which of both.
            x: B×C×h×w latents or B×3×H×W images in −1..1, on any device; it is computed there.
            dtype: to compute in.
            tile: height and width of a tile in places of the latent; 0 for the whole picture at once. A picture that wraps
                around (the web UI's "Tiling") gets a quarter of a tile from its opposite side at each edge, so that its
                edges fit together as its tiles do.

        Returns:
            The result on the device of ``x``, and the activation maxima of the run.

        Raises:
            UnknownArchitecture: it is no KL autoencoder, or lacks that half.
            InvalidInput: this torch cannot compute in ``dtype`` on that device.
            RuntimeError, MemoryError: memory ran out: see :func:`.memory.is_out_of_memory`.
        """
        network = self._network(half, dtype)
        parts = parts_of(network, half)
        wraps = self._pad_alike(half, network, tile)
        network.to(x.device)
        try:
            with torch.no_grad(), measuring(parts) as maxima:
                result = self._computation(network, half, tile, wraps)(x)
            return result, maxima
        finally:
            network.to("cpu")

    def release(self) -> None:
        """Gives back its memory. The next run makes it again."""
        self._kept = {}

    def damaged_tensors(self) -> list[str]:
        """Names of weights that are NaN or infinite in the numbers that were used."""
        used: Iterable[nn.Module] = self._kept.values() or [self._vae]
        state = {name: value for network in used for name, value in network.state_dict().items()}
        return [name for name, value in state.items() if value.is_floating_point() and not all_finite(value)]

    def _computation(self, network: KLAutoencoder, half: Half, tile: int, wraps: bool) -> Callable[[Tensor], Tensor]:
        if not tile:
            return network.decode if half == "decoder" else network.moments
        tiled, places = (decode_tiled, 1) if half == "decoder" else (moments_tiled, network.downscale)
        margin = tile // 4

        def run(x: Tensor) -> Tensor:
            return tiled(network, x, tile=tile, overlap=margin, device=x.device)

        return partial(_wrapped, run, margin * places) if wraps else run

    def _network(self, half: Half, dtype: torch.dtype) -> KLAutoencoder:
        if half in self._kept and self._kept[half].dtype != dtype:
            del self._kept[half]  # before the next is made, which needs as much memory
        if half not in self._kept:
            self._kept[half] = self._from_file(half, dtype) or self._from_memory(half, dtype)
        return self._kept[half]

    def _from_file(self, half: Half, dtype: torch.dtype) -> KLAutoencoder | None:
        if self._path is None:
            return None
        try:
            network = open_autoencoder(self._path, half=half, dtype=dtype)
        except (FileProblem, UnknownArchitecture) as error:
            logger.warning("%s The weights in memory are used instead of the file's.", error)
            return None
        if isinstance(network, KLAutoencoder) and self._is_in_memory(network):
            return network
        logger.warning("The VAE in memory is not that of %s; its weights in memory are used.", self._path)
        return None

    def _from_memory(self, half: Half, dtype: torch.dtype) -> KLAutoencoder:
        state = self._vae.state_dict()
        network = load_autoencoder(
            {name: value.detach().cpu() for name, value in state.items() if name.startswith(HALF_NAMES[half])},
            dtype=dtype,
        )
        if not isinstance(network, KLAutoencoder):
            raise UnknownArchitecture("This is no KL autoencoder")
        return network

    def _is_in_memory(self, network: KLAutoencoder) -> bool:
        """Whether both have the same weights, up to the rounding of the coarsest format."""
        memory, ours = self._vae.state_dict(), network.state_dict()
        if any(name not in memory or memory[name].numel() != value.numel() for name, value in ours.items()):
            return False
        # The file's values in the format of the memory's: what does not fit into fp16 is infinite there.
        mine = torch.cat([value.flatten()[:COMPARED].to(memory[name].dtype).float() for name, value in ours.items()])
        theirs = torch.cat([memory[name].flatten()[:COMPARED].float().cpu() for name in ours])
        return torch.allclose(mine, theirs, rtol=2.0**-7, atol=1e-6, equal_nan=True)

    def _pad_alike(self, half: Half, network: KLAutoencoder, tile: int) -> bool:
        """The web UI's "Tiling" makes the convolutions of its own network wrap around: whether it does. A tile must not."""
        wraps = False
        for ours, theirs in zip(parts_of(network, half), parts_of(self._vae, half), strict=True):
            if ours.kind == LAYER and isinstance(ours.module, nn.Conv2d):
                ours.module.padding_mode = "zeros" if tile else getattr(theirs.module, "padding_mode", "zeros")
                wraps = wraps or getattr(theirs.module, "padding_mode", "") == "circular"
        return wraps


def _wrapped(run: Callable[[Tensor], Tensor], margin: int, x: Tensor) -> Tensor:
    """What ``run`` gives for ``x`` with ``margin`` rows and columns from its opposite side at each edge, without what comes of
    them."""
    rows, columns = (min(margin, side) for side in x.shape[2:])
    result = run(F.pad(x, (columns, columns, rows, rows), mode="circular"))
    height, width = (
        round(side * size / (size + 2 * extra))
        for side, size, extra in zip(result.shape[2:], x.shape[2:], (rows, columns), strict=True)
    )
    top, left = (result.shape[2] - height) // 2, (result.shape[3] - width) // 2
    return result[..., top : top + height, left : left + width]
