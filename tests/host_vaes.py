"""VAEs as the web UI has them: LDM's modules and names, with ``encode`` and ``decode`` as its code bases have them."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from vae_workbench.autoencoder.autoencoder import run
from vae_workbench.autoencoder.build import describe
from vae_workbench.autoencoder.kl import Decoder, Encoder, KLAutoencoder
from vae_workbench.autoencoder.kl_layers import conv1
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.precision.scales import Rescaled
from vae_workbench.precision.structure import HALVES, SUM, Half, parts_of
from vae_workbench.progress import silent


class HostEncoder(Encoder):
    def forward(self, x: Tensor) -> Tensor:
        return run(self.steps(), x, silent)


class HostDecoder(Decoder):
    def forward(self, z: Tensor) -> Tensor:
        return run(self.steps(), z, silent)


class Posterior:
    """As ``ldm``'s: the log-variance is clamped, so that an infinite one does not show in a sample."""

    def __init__(self, parameters: Tensor) -> None:
        self.parameters = parameters
        self.mean, logvar = parameters.chunk(2, dim=1)
        self.std = torch.exp(0.5 * logvar.clamp(-30, 20))

    def sample(self) -> Tensor:
        return self.mean + self.std * torch.randn(self.mean.shape).to(self.mean)


class LdmVae(nn.Module):
    """SD1, SD2: ``encode`` gives a posterior."""

    def __init__(self, tensors: dict[str, Tensor], dtype: torch.dtype = torch.float16) -> None:
        super().__init__()
        shape = describe({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        assert isinstance(shape, KLShape) and shape.encoder and shape.decoder
        self.encoder = HostEncoder(shape.encoder)
        self.decoder = HostDecoder(shape.decoder)
        self.quant_conv = conv1(shape.moments, shape.moments)
        self.post_quant_conv = conv1(shape.latent_channels, shape.latent_channels)
        self.load_state_dict(tensors)
        self.requires_grad_(False).eval().to(dtype)

    @property
    def dtype(self) -> torch.dtype:
        return self.quant_conv.weight.dtype

    def encode(self, x: Tensor) -> Posterior | Tensor:
        return Posterior(self.quant_conv(self.encoder(x)))

    def decode(self, z: Tensor) -> Tensor:
        images: Tensor = self.decoder(self.post_quant_conv(z))
        return images


class SgmVae(LdmVae):
    """SDXL: ``encode`` gives a sample."""

    def encode(self, x: Tensor) -> Tensor:
        posterior = super().encode(x)
        assert isinstance(posterior, Posterior)
        return posterior.sample()


class SD3Vae(nn.Module):
    """SD3: no quant convolutions, ``encode`` gives a sample, ``dtype`` is a plain attribute."""

    def __init__(self, tensors: dict[str, Tensor], dtype: torch.dtype = torch.float16) -> None:
        super().__init__()
        shape = describe({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        assert isinstance(shape, KLShape) and shape.encoder and shape.decoder
        self.encoder = HostEncoder(shape.encoder)
        self.decoder = HostDecoder(shape.decoder)
        self.dtype = torch.float16
        self.load_state_dict(tensors)
        self.requires_grad_(False).eval().to(dtype)

    @torch.autocast("cuda", dtype=torch.float16, enabled=torch.cuda.is_available())
    def decode(self, latent: Tensor) -> Tensor:
        images: Tensor = self.decoder(latent)
        return images

    @torch.autocast("cuda", dtype=torch.float16, enabled=torch.cuda.is_available())
    def encode(self, image: Tensor) -> Tensor:
        return Posterior(self.encoder(image)).sample()


@lru_cache(maxsize=4)
def _shallow(seed: int) -> dict[str, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _weights(KLAutoencoder(KLShape.standard(width=32, multipliers=(1, 2), blocks=1, attention=(1,))))


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def shallow_kl(seed: int = 0) -> dict[str, Tensor]:
    """The tensors of a VAE with every kind of layer and only two levels, for the many runs in fp16, which is slow on a CPU."""
    return dict(_shallow(seed))


def values_of(half: Half) -> list[str]:
    """All values that can be scaled (see ``precision.structure``) of the shallow VAE."""
    return list(dict.fromkeys(part.writes for part in parts_of(LdmVae(shallow_kl()), half) if part.writes))


def enlarged(tensors: dict[str, Tensor], value: str, exponent: int) -> dict[str, Tensor]:
    """The same VAE with one of its values 2^exponent times as large: the residual stream from there to its end, or one value
    inside a block. ``eps`` stays as it is, which a large value does not notice."""
    vae = LdmVae(tensors, torch.float32)
    parts = next(
        parts for parts in (parts_of(vae, half) for half in HALVES) if value in {part.writes for part in parts}
    )
    streams = list(dict.fromkeys(part.writes for part in parts if part.kind == SUM or part.name.endswith(".conv_in")))
    values = streams[streams.index(value) :] if value in streams else [value]
    Rescaled(vae, parts, {str(name): -exponent for name in values})
    return {name: parameter.detach().clone() for name, parameter in vae.named_parameters()}


def overflowing(half: Half = "decoder", seed: int = 0) -> dict[str, Tensor]:
    """A VAE whose decoder or encoder overflows in fp16, all along its residual stream."""
    return enlarged(shallow_kl(seed), f"{half}.conv_in", 17)
