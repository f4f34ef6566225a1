"""The VAE in its file's own numbers, in a network of its own beside the one that makes pictures.

The web UI keeps a VAE as fp16. Turning that back into fp32 does not bring back what was rounded off, and would pull the weights
away from under a live preview. So the values are read from the file again, into one of our networks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..autoencoder.build import load_autoencoder
from ..autoencoder.kl import KLAutoencoder
from ..autoencoder.open_file import open_autoencoder
from ..autoencoder.tiled import decode_tiled, moments_tiled
from ..errors import FileProblem, UnknownArchitecture
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
        self._kept: KLAutoencoder | None = None

    def run(self, half: Half, x: Tensor, dtype: torch.dtype, tile: int = 0) -> tuple[Tensor, Maxima]:
        """Decodes raw latents to images, or encodes images to moments (see :meth:`.kl.KLAutoencoder.moments`).

        Args:
            half: which of both.
            x: B×C×h×w latents or B×3×H×W images in −1..1, on any device; it is computed there.
            dtype: to compute in.
            tile: height and width of a tile in places of the latent; 0 for the whole picture at once.

        Returns:
            The result on the device of ``x``, and the activation maxima of the run.

        Raises:
            UnknownArchitecture: it is no KL autoencoder, or lacks that half.
            InvalidInput: this torch cannot compute in ``dtype`` on that device.
            RuntimeError, MemoryError: memory ran out: see :func:`.memory.is_out_of_memory`.
        """
        network = self._network(dtype)
        parts = parts_of(network, half)
        self._pad_alike(half, network)
        network.to(x.device)
        try:
            with torch.no_grad(), measuring(parts) as maxima:
                result = self._computation(network, half, tile)(x)
            return result, maxima
        finally:
            network.to("cpu")

    def release(self) -> None:
        """Gives back its memory. The next run makes it again."""
        self._kept = None

    def damaged_tensors(self) -> list[str]:
        """Names of weights that are NaN or infinite in the numbers that were used."""
        state = (self._kept or self._vae).state_dict()
        return [name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all()]

    def _computation(self, network: KLAutoencoder, half: Half, tile: int) -> Callable[[Tensor], Tensor]:
        if not tile:
            return network.decode if half == "decoder" else network.moments
        tiled = decode_tiled if half == "decoder" else moments_tiled
        return lambda x: tiled(network, x, tile=tile, overlap=tile // 4, device=x.device)

    def _network(self, dtype: torch.dtype) -> KLAutoencoder:
        if self._kept is None or self._kept.dtype != dtype:
            self._kept = None
            self._kept = self._from_file(dtype) or self._from_memory(dtype)
        return self._kept

    def _from_file(self, dtype: torch.dtype) -> KLAutoencoder | None:
        if self._path is None:
            return None
        try:
            network = open_autoencoder(self._path, dtype=dtype)
        except (FileProblem, UnknownArchitecture) as error:
            logger.warning("%s The weights in memory are used instead of the file's.", error)
            return None
        if isinstance(network, KLAutoencoder) and self._is_in_memory(network):
            return network
        logger.warning("The VAE in memory is not that of %s; its weights in memory are used.", self._path)
        return None

    def _from_memory(self, dtype: torch.dtype) -> KLAutoencoder:
        tensors = {name: value.detach().cpu() for name, value in self._vae.state_dict().items()}
        network = load_autoencoder(tensors, dtype=dtype)
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

    def _pad_alike(self, half: Half, network: KLAutoencoder) -> None:
        """The web UI's "Tiling" makes the convolutions of its own network wrap around."""
        for ours, theirs in zip(parts_of(network, half), parts_of(self._vae, half), strict=True):
            if ours.kind == LAYER and isinstance(ours.module, nn.Conv2d):
                ours.module.padding_mode = getattr(theirs.module, "padding_mode", "zeros")
