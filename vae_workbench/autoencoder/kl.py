"""The KL autoencoder of latent diffusion (SD1, SD2, SDXL, SD3, Flux): any width, depth and number of latent channels.

The picture of the network (Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models"):

    encoder: conv_in → down.0 … down.N (ResNet blocks, [attention], ½) → mid → norm_out, swish, conv_out → quant_conv
    decoder: post_quant_conv → conv_in → mid → up.N … up.0 (ResNet blocks, [attention], ×2) → norm_out, swish, conv_out

Level 0 is always the full resolution. Modules are named as in the LDM code base, so ``state_dict()`` has the names of the
published checkpoints.

Precision, in fp32, full-size network with random weights, decode at 256², ‖y − y₆₄‖ / ‖y₆₄‖ against the same in float64: 3.0e-6
on a CPU with AVX-512, diffusers 1.5e-6; 6.1e-6 on one with AVX2 only, diffusers 6.6e-6. Everything here is exact but for
the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..progress import Progress, silent
from .autoencoder import Autoencoder, Step, run
from .kl_layers import AttnBlock, Downsample, ResnetBlock, Upsample, conv1, conv3, norm, swish
from .kl_shape import DecoderShape, EncoderShape, KLShape

FIRST, LAST = "first layer", "last layer"
"""What people are told of the convolutions at the ends."""


class Mid(nn.Module):
    """The lowest resolution: block, attention, block."""

    def __init__(self, width: int, attention: bool) -> None:
        super().__init__()
        self.block_1 = ResnetBlock(width, width)
        self.attn_1 = AttnBlock(width) if attention else None
        self.block_2 = ResnetBlock(width, width)

    def steps(self) -> list[Step]:
        return [("middle", layer) for layer in (self.block_1, self.attn_1, self.block_2) if layer is not None]


class Level(nn.Module):
    """The blocks of one resolution, each followed by attention where the level has it, then the change of resolution."""

    def __init__(self, width_in: int, width_out: int, blocks: int, attention: bool) -> None:
        super().__init__()
        self.block = nn.ModuleList(ResnetBlock(width_out if i else width_in, width_out) for i in range(blocks))
        self.attn = nn.ModuleList(AttnBlock(width_out) for _ in range(blocks if attention else 0))
        self.downsample: Downsample | None = None
        self.upsample: Upsample | None = None

    def steps(self, name: str) -> list[Step]:
        layers: list[nn.Module] = []
        for index, block in enumerate(self.block):
            layers += [block, *self.attn[index : index + 1]]
        layers += [layer for layer in (self.downsample, self.upsample) if layer is not None]
        return [(name, layer) for layer in layers]


def _steps_of(levels: Sequence[Level]) -> list[Step]:
    """The steps of levels in the order in which they run."""
    count = len(levels)
    return [step for index, level in enumerate(levels, 1) for step in level.steps(f"level {index} of {count}")]


class Encoder(nn.Module):
    """Image B×3×H×W to the moments of the latent before ``quant_conv``."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        widths = (shape.stem, *shape.widths)
        levels = [Level(widths[i], widths[i + 1], shape.blocks[i], shape.attention[i]) for i in range(shape.levels)]
        for level, width in zip(levels[:-1], shape.widths[:-1], strict=True):
            level.downsample = Downsample(width)
        self.conv_in = conv3(shape.image_channels, shape.stem)
        self.down = nn.ModuleList(levels)
        self.mid = Mid(widths[-1], shape.mid_attention)
        self.norm_out = norm(widths[-1])
        self.conv_out = conv3(widths[-1], shape.out_channels)

    def steps(self) -> list[Step]:
        levels = cast(Iterable[Level], self.down)
        downs = _steps_of(list(levels))
        return [(FIRST, self.conv_in), *downs, *self.mid.steps(), (LAST, self._out)]

    def _out(self, x: Tensor) -> Tensor:
        moments: Tensor = self.conv_out(swish(self.norm_out(x)))
        return moments


class Decoder(nn.Module):
    """Latent after ``post_quant_conv``, B×z×h×w, to image B×3×H×W."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        widths = (*shape.widths, shape.widths[-1])
        levels = [Level(widths[i + 1], widths[i], shape.blocks[i], shape.attention[i]) for i in range(shape.levels)]
        for level, width in zip(levels[1:], shape.widths[1:], strict=True):
            level.upsample = Upsample(width)
        self.conv_in = conv3(shape.z_channels, widths[-1])
        self.mid = Mid(widths[-1], shape.mid_attention)
        self.up = nn.ModuleList(levels)
        self.norm_out = norm(widths[0])
        self.conv_out = conv3(widths[0], shape.image_channels)

    def steps(self) -> list[Step]:
        ups = _steps_of(list(cast(Iterable[Level], self.up))[::-1])
        return [(FIRST, self.conv_in), *self.mid.steps(), *ups, (LAST, self._out)]

    def _out(self, x: Tensor) -> Tensor:
        images: Tensor = self.conv_out(swish(self.norm_out(x)))
        return images


class LatentNorm(nn.Module):
    """Flux.2's statistics of its latents: it diffuses ``(p − running_mean) / √(running_var + 1e-4)``, p being the raw latent
    with each 2×2 places stacked into channels. They travel with the weights; encode and decode do not use them.

    The 1e-4 is that of ``AutoencoderKLFlux2``'s configuration (``batch_norm_eps``).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))


class KLAutoencoder(Autoencoder):
    """A KL autoencoder. Latents are raw.

    Args:
        shape: every size of the network; an absent half is not built.
    """

    latents_are_scaled = False

    def __init__(self, shape: KLShape) -> None:
        super().__init__()
        self.shape = shape
        encoder, decoder = shape.encoder, shape.decoder
        self.encoder = Encoder(encoder) if encoder else None
        self.decoder = Decoder(decoder) if decoder else None
        self.quant_conv = conv1(encoder.out_channels, shape.moments) if encoder and shape.quant_conv else None
        self.post_quant_conv = (
            conv1(shape.latent_channels, decoder.z_channels) if decoder and shape.post_quant_conv else None
        )
        self.bn = LatentNorm(shape.latent_norm) if shape.latent_norm else None

    @property
    def latent_channels(self) -> int:
        return self.shape.latent_channels

    @property
    def image_channels(self) -> tuple[int, ...]:
        return tuple(half.image_channels for half in (self.shape.encoder, self.shape.decoder) if half)

    @property
    def downscale(self) -> int:
        return self.shape.downscale

    @property
    def has_encoder(self) -> bool:
        return self.encoder is not None

    @property
    def has_decoder(self) -> bool:
        return self.decoder is not None

    def moments(self, images: Tensor, progress: Progress = silent) -> Tensor:
        """Images B×3×H×W in −1..1 to mean and log-variance of the latent, B×2C×h×w (B×C×h×w without log-variance)."""
        assert self.encoder is not None
        steps = self.encoder.steps()
        if self.quant_conv is not None:
            steps.append((LAST, self.quant_conv))
        return run(steps, images.to(self.device, self.dtype), progress)

    def _encode(self, images: Tensor, progress: Progress) -> Tensor:
        """The mean of the posterior: nothing is sampled, so the same picture gives the same latent."""
        return self.moments(images, progress)[:, : self.latent_channels]

    def _decode(self, latents: Tensor, progress: Progress) -> Tensor:
        assert self.decoder is not None  # decode() has checked
        steps = self.decoder.steps()
        if self.post_quant_conv is not None:
            steps.insert(0, (FIRST, self.post_quant_conv))
        return run(steps, latents, progress)
