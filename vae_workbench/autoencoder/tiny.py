"""The tiny autoencoder TAESD (Ollin Boer Bohan, https://github.com/madebyollin/taesd, MIT), of 4 or 16 latent channels.

    encoder: conv → blocks → [½ conv → blocks] ×3 → conv
    decoder: clamp → conv → relu → [blocks → ×2 → conv] ×3 → blocks → conv

Layers are numbered as in the published files, where layers without weights (clamp, relu, ×2) count too. It was distilled
from a KL autoencoder and the scale factor of its latent space together: its latents are the diffusion model's, scaled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..errors import UnknownArchitecture
from ..lazy_dataclass import dataclass
from ..progress import Progress
from .autoencoder import Autoencoder, Step, run


@dataclass(frozen=True)
class TinyShape:
    """Sizes of a tiny autoencoder, or of one half of it.

    Attributes:
        latent_channels: channels of the latent.
        width: channels of every layer between.
        encoder: blocks at each resolution, the full one first; ``None`` without an encoder.
        decoder: blocks at each resolution, the full one last; ``None`` without a decoder.
        image_channels: of the encoder's picture and of the decoder's; 3 for a half that is not there.
    """

    latent_channels: int
    width: int = 64
    encoder: tuple[int, ...] | None = (1, 3, 3, 3)
    decoder: tuple[int, ...] | None = (3, 3, 3, 1)
    image_channels: tuple[int, int] = (3, 3)

    def __post_init__(self) -> None:
        if not (self.encoder or self.decoder):
            raise UnknownArchitecture("There is neither an encoder nor a decoder")
        if self.encoder and self.decoder and len(self.encoder) != len(self.decoder):
            raise UnknownArchitecture(
                f"The encoder has {len(self.encoder)} levels of resolution and the decoder {len(self.decoder)}"
            )

    @property
    def downscale(self) -> int:
        """Pixels of the picture for one place of the latent, along each axis."""
        return 1 << (len(self.encoder or self.decoder or ()) - 1)


class Clamp(nn.Module):
    """Latents softly limited to −3..3, the range that the decoder was trained in."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    """relu(x + conv(relu(conv(relu(conv(x))))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv(width, width), relu(), conv(width, width), relu(), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.conv(x)
        return h.add_(x).relu_()


def conv(width_in: int, width_out: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(width_in, width_out, 3, padding=1, stride=stride, bias=bias)


def relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)


def encoder_layers(shape: TinyShape, blocks: tuple[int, ...]) -> nn.Sequential:
    """Image B×3×H×W in 0..1 to scaled latents."""
    width = shape.width
    layers: list[nn.Module] = [conv(shape.image_channels[0], width)]
    for level, count in enumerate(blocks):
        layers += [conv(width, width, stride=2, bias=False)] if level else []
        layers += [Block(width) for _ in range(count)]
    return nn.Sequential(*layers, conv(width, shape.latent_channels))


def decoder_layers(shape: TinyShape, blocks: tuple[int, ...]) -> nn.Sequential:
    """Scaled latents to image B×3×H×W in about 0..1."""
    width = shape.width
    layers: list[nn.Module] = [Clamp(), conv(shape.latent_channels, width), relu()]
    for level, count in enumerate(blocks):
        layers += [nn.Upsample(scale_factor=2), conv(width, width, bias=False)] if level else []
        layers += [Block(width) for _ in range(count)]
    return nn.Sequential(*layers, conv(width, shape.image_channels[1]))


class TinyAutoencoder(Autoencoder):
    """TAESD. Latents are scaled. Images are −1..1 as everywhere here, though the layers themselves work in 0..1.

    Args:
        shape: every size of the network; an absent half is not built.
    """

    latents_are_scaled = True

    def __init__(self, shape: TinyShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = encoder_layers(shape, shape.encoder) if shape.encoder else None
        self.decoder = decoder_layers(shape, shape.decoder) if shape.decoder else None

    @property
    def latent_channels(self) -> int:
        return self.shape.latent_channels

    @property
    def image_channels(self) -> tuple[int, ...]:
        halves = zip((self.has_encoder, self.has_decoder), self.shape.image_channels, strict=True)
        return tuple(channels for there, channels in halves if there)

    @property
    def downscale(self) -> int:
        return self.shape.downscale

    @property
    def has_encoder(self) -> bool:
        return self.encoder is not None

    @property
    def has_decoder(self) -> bool:
        return self.decoder is not None

    def _encode(self, images: Tensor, progress: Progress) -> Tensor:
        assert self.encoder is not None  # encode() has checked
        return run(steps(self.encoder), images.add(1).div_(2), progress)

    def _decode(self, latents: Tensor, progress: Progress) -> Tensor:
        assert self.decoder is not None  # decode() has checked
        return run(steps(self.decoder), latents, progress).mul(2).sub_(1)


def steps(layers: nn.Sequential) -> list[Step]:
    return [(f"layer {number} of {len(layers)}", layer) for number, layer in enumerate(layers, 1)]


_CONVOLUTION = re.compile(r"(encoder|decoder)\.([0-9]+)\.weight")
_BLOCK = re.compile(r"(encoder|decoder)\.([0-9]+)\.conv\.0\.weight")


def is_tiny(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether these canonical names are those of a tiny autoencoder, complete or not."""
    return any(map(_CONVOLUTION.fullmatch, shapes))


def measured(shapes: Mapping[str, tuple[int, ...]]) -> TinyShape:
    """The sizes that canonical names and shapes tell. Whether anything is missing is for the caller to find out.

    Raises:
        UnknownArchitecture: a half has not even its first and its last convolution.
    """
    encoder_blocks, decoder_blocks = _blocks(shapes, "encoder"), _blocks(shapes, "decoder")
    latent_channels = width = 0
    taken, given = 3, 3
    if decoder_blocks is not None:
        first, *_, last = _convolutions(shapes, "decoder")
        width, latent_channels, given = first[0], first[1], last[0]
    if encoder_blocks is not None:
        first, *_, last = _convolutions(shapes, "encoder")
        width, latent_channels, taken = first[0], last[0], first[1]
    return TinyShape(latent_channels, width, encoder_blocks, decoder_blocks, (taken, given))


def _convolutions(shapes: Mapping[str, tuple[int, ...]], half: str) -> list[tuple[int, ...]]:
    """Shapes of the weights of the convolutions between the blocks, in order."""
    return [shapes[f"{half}.{index}.weight"] for index in _indices(shapes, half, _CONVOLUTION)]


def _indices(shapes: Mapping[str, tuple[int, ...]], half: str, pattern: re.Pattern[str]) -> list[int]:
    return sorted(int(match[2]) for match in map(pattern.fullmatch, shapes) if match and match[1] == half)


def _blocks(shapes: Mapping[str, tuple[int, ...]], half: str) -> tuple[int, ...] | None:
    """Blocks between each two convolutions; ``None`` if the half is absent."""
    blocks, convolutions = (_indices(shapes, half, pattern) for pattern in (_BLOCK, _CONVOLUTION))
    if not blocks and not convolutions:
        return None
    if len(convolutions) < 2 or any(len(shapes[f"{half}.{index}.weight"]) != 4 for index in convolutions):
        raise UnknownArchitecture(f"This looks like a tiny autoencoder, but the convolutions of its {half} are missing")
    return tuple(sum(a < block < b for block in blocks) for a, b in pairwise(convolutions))
