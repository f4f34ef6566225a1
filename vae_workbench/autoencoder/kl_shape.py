"""The sizes of a KL autoencoder: all that is needed to build the network, and nothing that is not in its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from ..errors import UnknownArchitecture
from ..lazy_dataclass import dataclass

GROUPS = 32
"""Groups of every GroupNorm. No tensor tells their number; all published KL autoencoders have 32."""

EPS = 1e-6
"""``eps`` of every GroupNorm. No tensor tells it either; the LDM code base has 1e-6."""


@dataclass(frozen=True)
class LevelsShape:
    """Sizes that encoder and decoder both have. Level 0 is the full resolution.

    Attributes:
        image_channels: channels of the picture.
        widths: channels of each level; each is a multiple of 32, the number of groups of the norms.
        blocks: ResNet blocks of each level.
        attention: whether the blocks of a level are each followed by attention.
        mid_attention: whether there is attention between the two blocks of the lowest resolution.

    Raises:
        UnknownArchitecture: no levels, unequal lengths, or a width that 32 groups do not divide.
    """

    image_channels: int
    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    attention: tuple[bool, ...]
    mid_attention: bool

    def __post_init__(self) -> None:
        if not self.widths or not len(self.widths) == len(self.blocks) == len(self.attention):
            raise UnknownArchitecture("The levels of this autoencoder have no widths, or not as many as blocks")
        uneven = [width for width in self.norm_widths if width <= 0 or width % GROUPS]
        if uneven:
            raise UnknownArchitecture(
                f"A layer is {uneven[0]} channels wide, which its norm cannot divide into {GROUPS} groups",
                f"Every width of a KL autoencoder must be a multiple of {GROUPS}",
            )

    @property
    def norm_widths(self) -> tuple[int, ...]:
        return self.widths

    @property
    def levels(self) -> int:
        return len(self.widths)


@dataclass(frozen=True)
class EncoderShape(LevelsShape):
    """Sizes of the encoder.

    Attributes:
        stem: channels after ``conv_in``, usually those of level 0.
        out_channels: channels of ``conv_out``: twice the latent's for a mean and a log-variance.
    """

    stem: int
    out_channels: int

    @property
    def norm_widths(self) -> tuple[int, ...]:
        return (self.stem, *self.widths)


@dataclass(frozen=True)
class DecoderShape(LevelsShape):
    """Sizes of the decoder.

    Attributes:
        z_channels: channels that ``conv_in`` takes.
    """

    z_channels: int


@dataclass(frozen=True)
class KLShape:
    """Sizes of a KL autoencoder, or of one half of it.

    Attributes:
        latent_channels: channels of the latent that the diffusion model sees ("embed_dim" in LDM's configurations).
        encoder: ``None`` in a file that holds the decoder only.
        decoder: ``None`` in a file that holds the encoder only.
        quant_conv: whether a 1×1 convolution follows the encoder.
        post_quant_conv: whether a 1×1 convolution precedes the decoder.
        double_z: whether the encoder gives mean and log-variance, or the latent alone.
        latent_norm: channels of the statistics ``bn.*`` that Flux.2 carries, else 0. See :class:`.kl.LatentNorm`.
    """

    latent_channels: int
    encoder: EncoderShape | None
    decoder: DecoderShape | None
    quant_conv: bool
    post_quant_conv: bool
    double_z: bool = True
    latent_norm: int = 0

    def __post_init__(self) -> None:
        if self.encoder is None and self.decoder is None:
            raise UnknownArchitecture("There is neither an encoder nor a decoder")
        if self.encoder and self.decoder and self.encoder.levels != self.decoder.levels:
            raise UnknownArchitecture(
                f"The encoder has {self.encoder.levels} levels of resolution and the decoder {self.decoder.levels}: "
                "probably some of its tensors are missing",
                "Choose another copy of the file",
            )

    @property
    def moments(self) -> int:
        """Channels that leave the encoding side: the mean's, and with ``double_z`` as many of the log-variance."""
        return self.latent_channels * (2 if self.double_z else 1)

    @property
    def levels(self) -> int:
        """Levels of resolution."""
        half = self.encoder or self.decoder
        assert half is not None  # __post_init__
        return half.levels

    @property
    def downscale(self) -> int:
        """Pixels of the picture for one place of the latent, along each axis."""
        return 1 << (self.levels - 1)

    @classmethod
    def standard(
        cls,
        *,
        width: int = 128,
        multipliers: tuple[int, ...] = (1, 2, 4, 4),
        blocks: int = 2,
        latent_channels: int = 4,
        quant_convs: bool = True,
        attention: tuple[int, ...] = (),
    ) -> KLShape:
        """The shape that an LDM configuration describes; the defaults are kl-f8 of Stable Diffusion.

        Args:
            width: channels of the stem ("ch"), a multiple of 32.
            multipliers: width of each level in stems ("ch_mult").
            blocks: ResNet blocks of a level of the encoder ("num_res_blocks"); the decoder has one more.
            latent_channels: channels of the latent ("z_channels" and "embed_dim").
            quant_convs: SD1, SD2 and SDXL have them, SD3 and Flux.1 have not.
            attention: the levels that have attention.
        """
        levels = len(multipliers)
        widths = tuple(width * multiplier for multiplier in multipliers)
        attended = tuple(level in attention for level in range(levels))
        encoder = EncoderShape(
            3, widths, (blocks,) * levels, attended, True, stem=width, out_channels=2 * latent_channels
        )
        decoder = DecoderShape(3, widths, (blocks + 1,) * levels, attended, True, z_channels=latent_channels)
        return cls(latent_channels, encoder, decoder, quant_conv=quant_convs, post_quant_conv=quant_convs)


def measured(shapes: Mapping[str, tuple[int, ...]]) -> KLShape:
    """The sizes that canonical names and shapes tell. Whether anything else is missing is for the caller to find out.

    Raises:
        UnknownArchitecture: a tensor without which a size is not known is missing or of a wrong rank, or a size is
            impossible.
    """
    encoder, decoder = _encoder(shapes), _decoder(shapes)
    quant, post_quant = "quant_conv.weight" in shapes, "post_quant_conv.weight" in shapes
    outputs = _size(shapes, "quant_conv.weight", 0) if quant else encoder.out_channels if encoder else 0
    if post_quant:
        latent_channels = _size(shapes, "post_quant_conv.weight", 1)
    else:
        # An encoder alone does not tell whether half of its channels are a log-variance; with KL, they are.
        latent_channels = decoder.z_channels if decoder else outputs // 2
    return KLShape(
        latent_channels,
        encoder,
        decoder,
        quant_conv=quant,
        post_quant_conv=post_quant,
        double_z=outputs != latent_channels,
        latent_norm=_size(shapes, "bn.running_mean", 0) if "bn.running_mean" in shapes else 0,
    )


def _encoder(shapes: Mapping[str, tuple[int, ...]]) -> EncoderShape | None:
    if not any(name.startswith("encoder.") for name in shapes):
        return None
    return EncoderShape(
        _size(shapes, "encoder.conv_in.weight", 1),
        *_levels(shapes, "encoder.down"),
        mid_attention="encoder.mid.attn_1.q.weight" in shapes,
        stem=_size(shapes, "encoder.conv_in.weight", 0),
        out_channels=_size(shapes, "encoder.conv_out.weight", 0),
    )


def _decoder(shapes: Mapping[str, tuple[int, ...]]) -> DecoderShape | None:
    if not any(name.startswith("decoder.") for name in shapes):
        return None
    return DecoderShape(
        _size(shapes, "decoder.conv_out.weight", 0),
        *_levels(shapes, "decoder.up"),
        mid_attention="decoder.mid.attn_1.q.weight" in shapes,
        z_channels=_size(shapes, "decoder.conv_in.weight", 1),
    )


def _levels(
    shapes: Mapping[str, tuple[int, ...]], prefix: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[bool, ...]]:
    """Width, number of blocks and presence of attention of each level; levels and blocks are numbered from 0."""
    levels = range(_count(shapes, prefix + ".{}.block.0.conv1.weight"))
    return (
        tuple(_size(shapes, f"{prefix}.{level}.block.0.conv1.weight", 0) for level in levels),
        tuple(_count(shapes, f"{prefix}.{level}.block.{{}}.conv1.weight") for level in levels),
        tuple(f"{prefix}.{level}.attn.0.q.weight" in shapes for level in levels),
    )


def _count(shapes: Mapping[str, tuple[int, ...]], template: str) -> int:
    """How many of the names with 0, 1, 2 … in the template's place follow one another."""
    return next(number for number in count() if template.format(number) not in shapes)


def _size(shapes: Mapping[str, tuple[int, ...]], name: str, axis: int) -> int:
    shape = shapes.get(name)
    if shape is None:
        raise UnknownArchitecture(f"This is no complete VAE: {name} is missing")
    if len(shape) != (1 if name.startswith("bn.") else 4):
        raise UnknownArchitecture(f"This is no VAE that is known here: {name} has the shape {list(shape)}")
    return shape[axis]
