"""The family of a checkpoint, from names and shapes alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..autoencoder.names import Shape

VAE_PREFIXES = ("first_stage_model.", "vae.")
"""What precedes the names of a VAE's tensors inside a checkpoint."""

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

    @cached_property
    def context(self) -> int:
        """Width of the text that cross-attention takes; 0 if there is none."""
        for name, shape in self._shapes.items():
            if name.endswith(".attn2.to_k.weight") and name.startswith(self.prefix) and len(shape) == 2:
                return shape[1]
        return 0

    @property
    def input_channels(self) -> int:
        return self.size("input_blocks.0.0.weight", 1)


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
        lambda it: it.model_has("joint_blocks.0.") and it.size("x_embedder.proj.weight", 1) in (0, 16),
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
    """

    name: str
    latent_space: str | None
    reason: str


def checkpoint_family(shapes: Mapping[str, Shape]) -> Checkpoint | None:
    """What family a file's diffusion model is of; ``None`` if it holds none.

    Args:
        shapes: name → shape of all tensors of the file.
    """
    model = DiffusionModel(shapes)
    if not model.present:
        return None
    family = next((family for family in FAMILIES if family.tell(model)), None)
    if family is None:
        return Checkpoint("unknown", None, "This is a checkpoint, but of no family known here.")
    suffix, purpose = VARIANTS.get(model.input_channels, ("", ""))
    name = f"{family.name}-{suffix}" if suffix else family.name
    what = f"{family.what} {purpose}" if purpose else family.what
    return Checkpoint(name, family.latent_space, f"This is a checkpoint of {what}: {family.why}.")
