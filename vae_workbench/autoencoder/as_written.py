"""A KL autoencoder computed layer by layer as the LDM code base has it, for the very numbers that the web UI gets on a CPU.

The layers of :mod:`.kl_layers` sum in another order where that is faster, so that their pictures differ in the seventh digit.
In here they do not: maps stay contiguous, no weights are added up before a convolution, and attention multiplies whole matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from .kl_layers import AttnBlock, ResnetBlock, Upsample

MOST_PLACES = 128 * 128
"""Of a latent: the attention then has a matrix of 1 GB in fp32. Larger ones are computed the fast way."""


@contextmanager
def as_written(network: nn.Module, latents: Tensor) -> Iterator[None]:
    """Within it the network decodes as it is written, if ``latents`` (B×C×h×w) are not too large. For one thread."""
    layers = [module for module in network.modules() if isinstance(module, AttnBlock | ResnetBlock | Upsample)]
    small = latents.shape[2] * latents.shape[3] <= MOST_PLACES
    for layer in layers:
        layer.as_written = small
    try:
        yield
    finally:
        for layer in layers:
            layer.as_written = False
