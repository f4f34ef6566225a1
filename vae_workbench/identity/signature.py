"""Names and shapes of a file, seen as those of an autoencoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from ..autoencoder import kl_shape, tiny
from ..autoencoder.kl_shape import KLShape
from ..autoencoder.names import Shape, canonical_names, canonical_shapes
from ..autoencoder.tiny import TinyShape
from ..errors import UnknownArchitecture

HALVES = ("encoder", "decoder")

_LEVEL = re.compile(r"(?:encoder\.down|decoder\.up)\.(\d+)\.")
_KL_LAYER = re.compile(
    r"(?:encoder|decoder)\.(?:down\.\d+|up\.\d+|mid)\.(?:block[._]\d+\.conv[12]|attn[._]\d+\.q)\.weight"
)
_PREVIEW = {f"conv{number}.{kind}" for number in range(1, 9) for kind in ("weight", "bias")}


class Signature:
    """Names and shapes of a file, seen as those of an autoencoder.

    Attributes:
        names: canonical name → name in the file, of the tensors that may belong to a VAE.
        shapes: canonical name → shape.

    Raises:
        UnknownArchitecture: two names mean the same tensor.
    """

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.names = canonical_names(shapes)
        self.shapes = canonical_shapes({source: shapes[source] for source in self.names.values()})
        self.is_preview = shapes.keys() == _PREVIEW

    def any(self, part: str) -> bool:
        """Whether a name contains ``part``."""
        return any(part in name for name in self.shapes)

    @cached_property
    def over_time(self) -> bool:
        """Whether there are convolutions over time."""
        return any(len(shape) == 5 for shape in self.shapes.values())

    @cached_property
    def is_tiny(self) -> bool:
        return tiny.is_tiny(self.shapes)

    @cached_property
    def has_kl_layers(self) -> bool:
        return any(map(_KL_LAYER.fullmatch, self.shapes))

    @cached_property
    def halves(self) -> tuple[str, ...]:
        return tuple(half for half in HALVES if any(name.startswith(half + ".") for name in self.shapes))

    @cached_property
    def factor(self) -> int:
        """Pixels of the picture for one place of the latent, of a KL autoencoder; 0 if that cannot be told."""
        levels = [int(match[1]) for match in map(_LEVEL.match, self.shapes) if match]
        return 2 ** min(max(levels), 16) if levels else 0

    @cached_property
    def channels(self) -> int:
        """Channels of the latent; 0 if that cannot be told."""
        if self.is_tiny:
            return self.sizes.latent_channels if isinstance(self.sizes, TinyShape) else 0
        if "post_quant_conv.weight" in self.shapes:
            return (*self.shapes["post_quant_conv.weight"], 0, 0)[1]
        if "decoder.conv_in.weight" in self.shapes:
            return (*self.shapes["decoder.conv_in.weight"], 0, 0)[1]
        # A mean and a log-variance leave the encoder.
        return (*self.shapes.get("encoder.conv_out.weight", ()), 0)[0] // 2

    @property
    def quantised_latents(self) -> bool:
        """Whether the 1×1 convolutions around the latent are there; those of the half that is present will do."""
        return "quant_conv.weight" in self.shapes or "post_quant_conv.weight" in self.shapes

    @property
    def scheme(self) -> str:
        """How the file names its tensors: ``ldm``, ``diffusers`` or ``tiny``."""
        parts = (".layers.", ".resnets.", ".mid_block.", "_blocks.", ".conv_norm_out.")
        if any(part in name for name in self.names.values() for part in parts):
            return "diffusers"
        return "tiny" if self.is_tiny else "ldm"

    @cached_property
    def sizes(self) -> KLShape | TinyShape | str:
        """The sizes of the network, or why they cannot be told."""
        try:
            return tiny.measured(self.shapes) if self.is_tiny else kl_shape.measured(self.shapes)
        except UnknownArchitecture as error:
            return error.what.partition(": ")[2] or error.what
        except IndexError:
            return "the shapes of its convolutions make no sense"

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level of a KL autoencoder, the full resolution first; empty for others."""
        half = isinstance(self.sizes, KLShape) and (self.sizes.decoder or self.sizes.encoder)
        return half.widths if half else ()
