"""The family of a checkpoint, from names and shapes alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import cached_property

from ..autoencoder.latent_space import LATENT_SPACES
from ..autoencoder.names import Shape
from ..lazy_dataclass import dataclass

MODEL_PREFIX = "model.diffusion_model."


class DiffusionModel:
    """Names and shapes of a file, seen as those of a diffusion model with its text encoders.

    Attributes:
        prefix: what precedes the names of the diffusion model; empty in a file that holds nothing else.
        present: whether there is a diffusion model at all.
    """

    BARE = ("input_blocks.0.0.weight", "double_blocks.0.img_attn.qkv.weight", "joint_blocks.0.x_block.attn.qkv.weight")

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._names = sorted(shapes)
        inside = self.has(MODEL_PREFIX)
        self.prefix = MODEL_PREFIX if inside else ""
        self.present = inside or any(name in shapes for name in self.BARE)

    def has(self, start: str) -> bool:
        """Whether a name begins so. There are thousands, so they are not all looked at."""
        place = bisect_left(self._names, start)
        return place < len(self._names) and self._names[place].startswith(start)

    def model_has(self, start: str) -> bool:
        """The same for the names of the diffusion model."""
        return self.has(self.prefix + start)

    def size(self, name: str, axis: int) -> int:
        """A size of a tensor of the diffusion model, or 0 if there is none."""
        shape = self._shapes.get(self.prefix + name, ())
        return shape[axis] if axis < len(shape) else 0

    def rank(self, name: str) -> int:
        """Axes of a tensor of the diffusion model."""
        return len(self._shapes.get(self.prefix + name, ()))

    @cached_property
    def context(self) -> int:
        """Width of the text that cross-attention takes; 0 if there is none."""
        for name, shape in self._shapes.items():
            if name.endswith(".attn2.to_k.weight") and name.startswith(self.prefix) and len(shape) == 2:
                return shape[1]
        return 0

    @property
    def input_channels(self) -> int:
        """Of a UNet; 0 for other diffusion models."""
        return self.size("input_blocks.0.0.weight", 1)

    @property
    def latent_channels(self) -> int:
        """Channels of the latents that it works on; 0 if they cannot be told."""
        inputs = self.input_channels or self.size("x_embedder.proj.weight", 1)
        if inputs:
            outputs = self.size("out.2.weight", 0)
            return outputs if 0 < outputs <= inputs else MIXED_INPUTS.get(inputs, inputs)
        outputs, inputs = self.size("final_layer.linear.weight", 0), self.size("img_in.weight", 1)
        return (outputs or (0 if inputs in MIXED_PATCHES else inputs)) // PATCH


PATCH = 4
"""Places of a latent, 2×2, that Flux takes at a time."""

MIXED_PATCHES = (128, 384)
"""What variants of Flux.1 take of each patch, where a guiding picture, or a mask and a masked picture, come along; Flux.2 takes
128 of the latent alone."""

MIXED_INPUTS = {9: 4, 8: 4, 7: 4, 5: 4}
"""Channels that a UNet takes → channels of its latent, where other things come along: a mask and the masked picture, a picture
to edit, one to enlarge, depth."""


@dataclass(frozen=True)
class Family:
    """A row of the table.

    Attributes:
        name: ``sd1``, ``sdxl-refiner`` …
        what: what people call it.
        latent_space: the one that its diffusion model works in; ``None`` if it is none of those known here.
        tell: the condition; rows above have not met theirs.
        why: the tell-tale in words.
    """

    name: str
    what: str
    latent_space: str | None
    tell: Callable[[DiffusionModel], bool]
    why: str


# Text encoders tell before the width of cross-attention does: pruned files lack them, and small test models have any width.
FAMILIES: tuple[Family, ...] = (
    Family(
        "hunyuan-image",
        "Hunyuan Image",
        None,
        lambda it: it.model_has("txt_in.individual_token_refiner.") and it.rank("img_in.proj.weight") == 4,
        "it refines tokens one by one and takes pictures",
    ),
    Family(
        "hunyuan-video",
        "Hunyuan Video",
        None,
        lambda it: it.model_has("txt_in.individual_token_refiner."),
        "it refines tokens one by one",
    ),
    Family(
        "flux2",
        "Flux.2",
        "flux2",
        lambda it: it.model_has("double_stream_modulation_img.lin.weight"),
        "its double blocks share one modulation",
    ),
    Family("flux1", "Flux.1", "flux1", lambda it: it.model_has("double_blocks.0."), "it has double blocks"),
    Family(
        "sd3",
        "SD3 or SD3.5",
        "sd3",
        lambda it: it.model_has("joint_blocks.0."),
        "it has joint blocks for picture and text",
    ),
    Family(
        "sd-x4-upscaler",
        "SD ×4 upscaler",
        None,
        lambda it: it.input_channels == 7,
        "its UNet takes 7 channels",
    ),
    Family("sdxl", "SDXL", "sdxl", lambda it: it.has("conditioner.embedders.1."), "it has a second text encoder"),
    Family(
        "sdxl-refiner",
        "SDXL refiner",
        "sdxl",
        lambda it: it.has("conditioner.embedders.0.model."),
        "its only text encoder is SDXL's second",
    ),
    Family("sd2", "SD2", "sd1", lambda it: it.has("cond_stage_model.model."), "its text encoder is OpenCLIP"),
    Family("sd1", "SD1", "sd1", lambda it: it.has("cond_stage_model.transformer."), "its text encoder is CLIP"),
    Family("sdxl", "SDXL", "sdxl", lambda it: it.context == 2048, "its cross-attention takes 2048 features"),
    Family(
        "sdxl-refiner", "SDXL refiner", "sdxl", lambda it: it.context == 1280, "its cross-attention takes 1280 features"
    ),
    Family("sd2", "SD2", "sd1", lambda it: it.context == 1024, "its cross-attention takes 1024 features"),
    Family("sd1", "SD1", "sd1", lambda it: it.context == 768, "its cross-attention takes 768 features"),
)

VARIANTS = {
    9: ("inpaint", "for inpainting"),
    8: ("pix2pix", "for editing by instruction"),
    5: ("depth", "guided by depth"),
}
"""By the channels that a UNet takes. Plain ones take the 4 of the latent."""


@dataclass(frozen=True)
class Checkpoint:
    """A file with a diffusion model.

    Attributes:
        name: family and variant, ``sd1``, ``sdxl-inpaint`` …; ``unknown`` for a diffusion model of no known family.
        latent_space: the one that it works in, if known.
        reason: why, as a sentence.
        latent_channels: of the latents that its diffusion model takes; ``None`` if unknown.
    """

    name: str
    latent_space: str | None
    reason: str
    latent_channels: int | None = None


def checkpoint_family(shapes: Mapping[str, Shape]) -> Checkpoint | None:
    """What family a file's diffusion model is of; ``None`` if it holds none.

    Args:
        shapes: name → shape of all tensors of the file.
    """
    model = DiffusionModel(shapes)
    if not model.present:
        return None
    family = next((family for family in FAMILIES if family.tell(model)), None)
    channels = model.latent_channels or None
    if family is None:
        return Checkpoint("unknown", None, "This is a checkpoint, but of no family known here.", channels)
    suffix, purpose = VARIANTS.get(model.input_channels, ("", ""))
    name = f"{family.name}-{suffix}" if suffix else family.name
    what = f"{family.what} {purpose}" if purpose else family.what
    space = LATENT_SPACES.get(family.latent_space or "")
    if space and channels and channels != space.channels:
        count = "1 channel" if channels == 1 else f"{channels} channels"
        why = (
            f"This is a checkpoint like those of {what}, but its diffusion model takes latents of {count} and not of "
            f"{space.channels}: it needs another VAE, and its latent space cannot be told."
        )
        return Checkpoint(name, None, why, channels)
    reason = f"This is a checkpoint of {what}: {family.why}."
    return Checkpoint(name, family.latent_space, reason, space.channels if space else channels)
