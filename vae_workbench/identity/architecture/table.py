"""The architectures that are known: an ordered table of conditions on names and shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ...autoencoder.kl_shape import KLShape
from ...lazy_dataclass import dataclass
from .signature import Signature

Answer = Literal["vae", "broken", "unclear", "none"]


@dataclass(frozen=True)
class Architecture:
    """A row of the table.

    Attributes:
        name: with ``{factor}`` and ``{channels}`` where they are read from the shapes.
        what: what it is, to be read after "This is".
        tell: the condition; rows above have not met theirs.
        spaces: the latent spaces that an autoencoder of this architecture may have.
        runs: whether it can be run here.
        answer: ``vae``; ``none`` if it is no autoencoder for pictures; ``unclear`` if its names do not decide.
    """

    name: str
    what: str
    tell: Callable[[Signature], bool]
    spaces: tuple[str, ...] = ()
    runs: bool = False
    answer: Answer = "vae"


def _kl(channels: int, factor: int) -> Callable[[Signature], bool]:
    return lambda it: it.has_kl_layers and (it.channels, it.factor) == (channels, factor)


def _lacks_variance(it: Signature) -> bool:
    sizes = it.sizes
    return isinstance(sizes, KLShape) and bool(sizes.encoder and sizes.decoder) and not sizes.double_z


# The order matters: VQ before KL, statistics before 32 channels, time before channels, tiny ones before any "decoder.".
# Names of video autoencoders are those of diffusers 0.36, and of the published files where these differ.
ARCHITECTURES: tuple[Architecture, ...] = (
    Architecture(
        "vae-approx", "a network for live previews (VAE-approx), no VAE", lambda it: it.is_preview, answer="none"
    ),
    Architecture(
        "oobleck",
        "an audio autoencoder (Oobleck, as in Stable Audio): it is not for pictures",
        lambda it: it.over_samples and it.matches(r"\.alpha$") and it.matches(r"\.beta$"),
        answer="none",
    ),
    Architecture(
        "audio",
        "an audio autoencoder or another network for sound: it is not for pictures",
        lambda it: it.over_samples,
        answer="none",
    ),
    Architecture(
        "cascade-stage-a",
        "the VQ autoencoder of Stable Cascade or Würstchen (stage A, f4)",
        lambda it: it.matches(r"(?:down|up)_blocks\.\d+\.gammas$"),
    ),
    Architecture(
        "vq-f{factor}",
        "a VQ autoencoder: it has a codebook (quantize.…)",
        lambda it: it.has_kl_layers and it.any("quantize.embedding"),
    ),
    Architecture(
        "consistency-decoder", "a consistency decoder: a diffusion model of its own", lambda it: it.any("decoder_unet.")
    ),
    Architecture("video-mixing", "a video decoder that mixes frames (as in SVD)", lambda it: it.any("mix_factor")),
    Architecture(
        "wan",
        "the VAE of Wan or Qwen Image",
        lambda it: it.over_time and it.any(".gamma") and (it.any(".residual.") or it.any(".to_qkv.")),
    ),
    Architecture(
        "hunyuan-video-1.5",
        "the VAE of Hunyuan Video 1.5 or of the refiner of Hunyuan Image",
        lambda it: it.over_time and it.any(".gamma") and it.any(".conv1.conv."),
    ),
    Architecture("allegro", "the VAE of Allegro, for video", lambda it: it.any(".temp_conv")),
    Architecture("cosmos", "the VAE of Cosmos, for video", lambda it: it.any(".conv_s.") and it.any(".conv_t.")),
    Architecture("cogvideox", "the VAE of CogVideoX", lambda it: it.over_time and it.any(".conv_y.")),
    Architecture(
        "mochi",
        "the VAE of Mochi, for video",
        lambda it: it.over_time and it.any(".block_in.") and it.any(".block_out."),
    ),
    Architecture(
        "ltx-video",
        "the VAE of LTX Video",
        lambda it: it.over_time
        and (it.matches(r"latents_(?:mean|std)$|per_channel_statistics\.") or it.any(".res_blocks.")),
    ),
    Architecture("magvit", "the VAE of EasyAnimate (MAGVIT), for video", lambda it: it.over_time and it.any(".convs.")),
    Architecture("video", "a VAE for video: it has convolutions over time", lambda it: it.over_time),
    Architecture(
        "dc-ae",
        "a deep compression autoencoder (DC-AE, as in Sana)",
        lambda it: it.matches(r"coder\.(?:down|up)_blocks\.\d+\.\d+\.|coder\.stages\.\d+\.op_list\."),
    ),
    Architecture(
        "hunyuan-image",
        "the VAE of Hunyuan Image 2.1 (f32, 64 channels): it folds pixels into channels",
        lambda it: it.folds_pixels,
    ),
    Architecture(
        "taef2",
        "a tiny autoencoder with pooling blocks (as TAEF2)",
        lambda it: it.is_tiny and it.any(".pool."),
        ("flux2",),
    ),
    Architecture(
        "taesd",
        "a tiny autoencoder of 4 channels (TAESD, TAESDXL)",
        lambda it: it.is_tiny and it.channels == 4,
        ("sd1", "sdxl"),
        runs=True,
    ),
    Architecture(
        "taesd-16ch",
        "a tiny autoencoder of 16 channels (TAESD3, TAEF1)",
        lambda it: it.is_tiny and it.channels == 16,
        ("sd3", "flux1"),
        runs=True,
    ),
    Architecture("taesd-{channels}ch", "a tiny autoencoder of {channels} channels", lambda it: it.is_tiny, runs=True),
    Architecture(
        "asymmetric-kl-f{factor}",
        "an asymmetric VAE, whose decoder also wants the picture",
        lambda it: it.any(".condition_encoder."),
    ),
    Architecture(
        "flux2",
        "the VAE of Flux.2: a KL autoencoder that carries statistics of its latents (bn.…)",
        lambda it: it.has_kl_layers and it.matches(r"(?:^|\.)bn\.(?:running_|num_batches)"),
        ("flux2",),
        runs=True,
    ),
    Architecture(
        "ae-f{factor}",
        "a VQ autoencoder whose codebook (quantize.…) is missing, or an autoencoder that gives no variance",
        lambda it: it.has_kl_layers and _lacks_variance(it),
        answer="unclear",
    ),
    Architecture("kl-f8", "a KL autoencoder of 4 channels (SD1, SD2, SDXL)", _kl(4, 8), ("sd1", "sdxl"), runs=True),
    Architecture(
        "kl-f8-16ch-quant",
        "a third-party KL autoencoder of 16 channels with quant convolutions",
        lambda it: _kl(16, 8)(it) and it.quantised_latents,
        runs=True,
    ),
    Architecture(
        "kl-f8-16ch", "a KL autoencoder of 16 channels (SD3, Flux.1)", _kl(16, 8), ("sd3", "flux1"), runs=True
    ),
    Architecture("sd-x4-upscaler", "the VAE of the SD ×4 upscaler (4 channels, f4)", _kl(4, 4), runs=True),
    Architecture("kl-f4", "the KL autoencoder f4 of 3 channels", _kl(3, 4), runs=True),
    Architecture("kl-f16", "the KL autoencoder f16 of 16 channels", _kl(16, 16), runs=True),
    Architecture("kl-f32", "the KL autoencoder f32 of 64 channels", _kl(64, 32), runs=True),
    Architecture(
        "kl-f{factor}-{channels}ch",
        "a KL autoencoder of {channels} channels, {factor}× smaller than the picture",
        lambda it: it.has_kl_layers,
        runs=True,
    ),
)
